//! The plan by which a start brings back what a history has confirmed last: made of files by their content, and not of
//! what a user wrote.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    error::Result,
    host::{image::stage::KeptFile, objects::patch_libraries::Standing, service::inner::RuntimeInner},
};

use super::{
    plan::Plan,
    planned_patches::resting,
    report::Report,
    request::{Options, Request},
};

/// What is brought back.
#[derive(Debug, Default)]
pub(crate) struct Restore {
    pub(crate) reason: String,
    /// Files with their content; each takes the place of the named component, or is added.
    pub(crate) files: Vec<(Option<String>, KeptFile)>,
    pub(crate) remove: Vec<String>,
    pub(crate) bindings: BTreeMap<String, String>,
    pub(crate) configurations: BTreeMap<String, Arc<[u8]>>,
    /// Where the patches of libraries stood, by the library's name.
    pub(crate) standing: BTreeMap<String, Vec<Standing>>,
}

/// Brings it back, in one transaction. Says which patches come back and rest, since those do not refuse it. Protection
/// was overridden when it was first put in place, and so it is here.
pub(crate) fn restore(inner: &Arc<RuntimeInner>, restore: Restore) -> Result<(Report, Vec<String>)> {
    let Restore { reason, files, remove, bindings, configurations, standing } = restore;
    let options = Options {
        reason: Some(reason),
        is_reload: true,
        override_protected: true,
        // As when it was first put in place.
        allow_panic_abort: true,
        bindings,
        configurations,
        standing,
        ..Options::default()
    };
    let removed = remove.into_iter().map(Request::Remove);
    let brought = files.into_iter().map(|(in_place_of, file)| Request::Reload(in_place_of, Arc::new(file)));
    let plan = Plan::of(inner, removed.chain(brought).collect(), options);
    let rest = resting(&plan.resolution.members);
    plan.commit().map(|report| (report, rest))
}
