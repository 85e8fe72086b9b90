//! A plan that brings back what a history has recorded: made of files by their content, and not of what a user wrote.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{image::content_hash::ContentHash, service::inner::RuntimeInner},
};

use super::{
    plan::Plan,
    report::Report,
    request::{Options, Request},
};

/// What is brought back.
#[derive(Debug, Default)]
pub(crate) struct Restore {
    pub(crate) reason: String,
    /// Whether it goes back while the program runs, and is not the start of it.
    pub(crate) is_rollback: bool,
    /// Files with their content; each takes the place of the named component, or is added.
    pub(crate) files: Vec<(Option<String>, PathBuf, ContentHash)>,
    pub(crate) remove: Vec<String>,
    pub(crate) bindings: BTreeMap<String, String>,
    pub(crate) configurations: BTreeMap<String, Arc<[u8]>>,
}

/// Brings it back, in one transaction. Protection was overridden when it was first put in place, and so it is here.
pub(crate) fn restore(inner: &Arc<RuntimeInner>, restore: Restore) -> Result<Report> {
    let Restore { reason, is_rollback, files, remove, bindings, configurations } = restore;
    let options = Options {
        reason: Some(reason),
        is_reload: !is_rollback,
        is_rollback,
        override_protected: true,
        // As when it was first put in place.
        allow_panic_abort: true,
        bindings,
        configurations,
        ..Options::default()
    };
    let removed = remove.into_iter().map(Request::Remove);
    let brought = files.iter().map(|(in_place_of, path, _)| match in_place_of {
        Some(name) => Request::Replace(Some(name.clone()), path.clone()),
        None => Request::Add(path.clone()),
    });
    let plan = Plan::of(inner, removed.chain(brought).collect(), options);
    for (_, path, hash) in &files {
        let staged = plan.steps.iter().filter_map(|step| step.staged.as_ref()).find(|staged| staged.source == *path);
        if let Some(staged) = staged.filter(|staged| staged.hash != *hash) {
            let text = format!("{} has the content {}, not {hash}", path.display(), staged.hash);
            return Err(Error::new(ErrorKind::History, text));
        }
    }
    plan.commit()
}
