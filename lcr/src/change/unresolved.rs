//! What a plan asked for that was refused before it was resolved, as its record shows it.
//!
//! Such a plan has no members. What its steps were to do is told as far as it can be: by the component that is present
//! in the place, and by the file where its component is not known.

use std::path::Path;

use crate::{
    component::identity::ComponentId,
    host::service::{inner::RuntimeInner, state::State},
};

use super::{
    recorder::{Change, Intent, StagedFile},
    request::{Options, Request, Step},
    resolve::{find_target, present_id, providers_of},
};

/// The intent of a plan that was refused.
pub(super) fn intent(inner: &RuntimeInner, generation: u64, steps: &[Step], options: &Options) -> Intent {
    let state = inner.latest_state();
    let change = |step: &Step| {
        let (before, replaces) = meant(&state, step);
        Change {
            before,
            after: step.manifest().map(|new| new.component.clone()),
            replaces,
            file: step.staged.as_ref().map(StagedFile::of),
            unread: step.request.path().filter(|_| step.staged.is_none()).map(Path::to_owned),
        }
    };
    Intent { members: steps.iter().map(change).collect(), ..Intent::new(generation, &[], &[], options) }
}

/// What a step was to do that was refused, as far as that can be told: the present component that it was to replace or
/// remove, and whether it was to replace one.
fn meant(state: &State, step: &Step) -> (Option<ComponentId>, bool) {
    let present = |name: &str| providers_of(state, name).first().map(|&provider| present_id(state, provider));
    match &step.request {
        Request::Add(_) | Request::Return(None, _) | Request::Reload(None, _) | Request::Refused(_) => (None, false),
        Request::Remove(name) => (present(name), false),
        Request::Replace(Some(name), _) | Request::Return(Some(name), _) | Request::Reload(Some(name), _) => {
            (present(name), true)
        }
        Request::Replace(None, _) => {
            let target = step.manifest().and_then(|manifest| find_target(state, manifest).ok());
            (target.and_then(|name| present(&name)), true)
        }
        Request::Provide(target, offer) => {
            let before = present(target.as_ref().unwrap_or(&offer.manifest.component.name));
            let replaces = target.is_some() || before.is_some();
            (before, replaces)
        }
    }
}
