//! The commit of a builder, of a patch or of an export: one transaction, with its record and its event.

use std::sync::Arc;

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        objects::patches::{Patch, id},
        service::{inner::RuntimeInner, revisions::Dropped},
    },
};

use super::{patch_record, patched::Patched, patching::happened, transaction::in_turn};

/// Who asks for a patch or an export, why, and whether that overrides protection.
pub(super) struct Asked {
    pub(super) actor: Actor,
    pub(super) reason: Option<String>,
    pub(super) override_protected: bool,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked { actor: Actor::this_process(), reason: None, override_protected: false }
    }
}

/// Runs `put`, which puts one patch of that name into the list and publishes that. It leaves the patch in its argument,
/// also if it is refused.
///
/// What closures have captured is in `put` and the patch, and is never dropped under the state lock.
pub(super) fn commit(
    inner: &Arc<RuntimeInner>,
    name: &str,
    asked: Asked,
    put: impl FnOnce(&mut Option<Arc<Patch>>) -> Result<(u64, Dropped)>,
) -> Result<Patched> {
    in_turn(inner, false, 0, move || {
        let Asked { actor, reason, override_protected } = asked;
        let mut made = None;
        let intent = || {
            let number = inner.state().objects().patches().next_number();
            let asked = (actor.clone(), reason.clone());
            patch_record::intent(inner, (None, Some(id(name, number))), asked, override_protected)
        };
        let put = || put(&mut made);
        let put = patch_record::recorded(inner, intent, true, put, |(generation, _)| *generation);
        let (generation, dropped) = put?;
        drop(dropped);
        let patch = made.ok_or_else(|| Error::new(ErrorKind::Internal, "a patch was lost; please report this"))?;
        inner.emit(happened(&patch, generation, true, actor, reason));
        let number = patch.number;
        // While it is this transaction's turn, the list has another count, so nothing is dropped here.
        drop(patch);
        Ok(Patched::new(inner, number, generation))
    })
}
