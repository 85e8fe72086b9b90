//! Which way the state of a replaced implementation goes: by pointer, copied ahead of the gate, copied at the gate
//! (as it is, or downgraded by the newer component), or nowhere.
//!
//! A plan decides it from the manifest of the file ([`resolve`](super::resolve)). Which implementations share their
//! objects, and so their state, only the image tells: so the transaction decides it once more from what was loaded
//! ([`sharing`](super::sharing)), and that counts.

use crate::{
    error::{Error, ErrorKind},
    host::image::manifest::{ExportManifest, Manifest},
};

use super::{
    member::{StateChange, named, state_lost},
    request::Options,
};

/// The export that declares the state of the objects of `export`. Another one may do so for them, if they share their
/// objects: then they likely do so now (`shares`), or their type is written in one way. The image tells when it is
/// loaded, and the transaction asks it.
pub(super) fn declaring_state<'a>(
    manifest: &'a Manifest,
    export: &'a ExportManifest,
    shares: bool,
) -> &'a ExportManifest {
    let likely =
        |other: &&ExportManifest| other.state_version.is_some() && (shares || other.type_name == export.type_name);
    if export.state_version.is_some() { export } else { manifest.exports.iter().find(likely).unwrap_or(export) }
}

/// What becomes of the state of `old` if `new` takes its place, and why a kept state does not move by pointer.
///
/// # Errors
/// `State` if it would be lost, or can go neither way.
pub(super) fn state_change(
    old: &ExportManifest,
    new: &ExportManifest,
    instances: usize,
    options: &Options,
) -> Result<(StateChange, Option<String>), Error> {
    let change = state_change_of(old, new, instances, options)?;
    let (StateChange::HandedOver(..) | StateChange::Downgraded(..) | StateChange::CopiedAhead(..)) = change else {
        return Ok((change, None));
    };
    let Some(why) = old.state_differs(new) else {
        let points = old.kept.as_ref().is_some_and(|kept| kept.points);
        return Ok((StateChange::Moved { version: old.state_version.unwrap_or_default(), points }, None));
    };
    let is_copied_ahead = matches!(change, StateChange::CopiedAhead(..));
    let has_way = is_copied_ahead || (old.can_copy_state() && new.can_copy_state());
    if !has_way {
        return Err(neither_way(old, new, &why));
    }
    let is_kept = old.kept.is_some() && new.kept.is_some() && !matches!(change, StateChange::Downgraded(..));
    Ok((change, is_kept.then_some(why)))
}

fn state_change_of(
    old: &ExportManifest,
    new: &ExportManifest,
    instances: usize,
    options: &Options,
) -> Result<StateChange, Error> {
    let discard = options.discard_state.contains(&old.component.name);
    match (old.state_version, new.state_version) {
        (None, _) => Ok(StateChange::None),
        (Some(old), _) if discard => Ok(StateChange::Discarded(old)),
        (Some(from), Some(to)) if from != to && old.downgrades_to(new) => Ok(StateChange::Downgraded(from, to)),
        (Some(from), Some(to)) if old.is_incremental && new.is_incremental && options.precopy_rounds > 0 => {
            Ok(StateChange::CopiedAhead(from, to, options.precopy_hold))
        }
        (Some(old), Some(new)) => Ok(StateChange::HandedOver(old, new)),
        (Some(_), None) if instances == 0 => Ok(StateChange::Absent),
        (Some(_), None) => Err(state_lost(old, new)),
    }
}

/// The refusal of a plan whose member has a state that goes neither way.
fn neither_way(old: &ExportManifest, new: &ExportManifest, why: &str) -> Error {
    let lacking = if old.can_copy_state() { new } else { old };
    let text = format!(
        "the state of component {} cannot go to {}: not by pointer ({why}), and serde does not know its type in {}; \
         derive serde's Serialize and Deserialize for it, or let the plan discard it",
        named(old),
        named(new),
        named(lacking),
    );
    Error::new(ErrorKind::State, text)
}
