//! Which way a state would go at a rollback of the plan that takes it forward: what an author and an operator want to
//! know before the commit, while another build or another plan costs nothing.
//!
//! It follows from the two manifests, as the way forward does. What it cannot say is whether the older component's
//! `migrate` reads the newer version: no manifest lists what that reads, so the rollback tries it.

use crate::host::image::manifest::ExportManifest;

use super::{
    member::{Member, ReplacedProvider, StateBack, StateChange},
    request::Options,
    state_way::state_change,
};

impl StateBack {
    /// The way from `new` back to `old`; `None` if `new` has no state.
    pub(super) fn of(new: &ExportManifest, old: &ExportManifest, options: &Options) -> Option<StateBack> {
        let version = new.state_version?;
        if old.state_version.is_none() {
            return Some(StateBack::Lost(version));
        }
        let Options { precopy_rounds, precopy_hold, .. } = *options;
        let options = Options { precopy_rounds, precopy_hold, ..Options::default() };
        Some(match state_change(new, old, 1, &options) {
            Ok((StateChange::Moved { version, .. }, _)) => StateBack::ByPointer(version),
            Ok((StateChange::Downgraded(from, to), _)) => StateBack::Downgraded(from, to),
            Ok((StateChange::HandedOver(from, to) | StateChange::CopiedAhead(from, to, _), _)) if from == to => {
                StateBack::AsItIs(to)
            }
            Ok((StateChange::HandedOver(from, to) | StateChange::CopiedAhead(from, to, _), _)) => {
                StateBack::Migrated(from, to)
            }
            Ok((StateChange::None | StateChange::Discarded(_) | StateChange::Absent, _)) | Err(_) => {
                StateBack::None(version)
            }
        })
    }

    /// The same in words. `is_saved` says whether the commit saves the present state, so that a snapshot of it is kept.
    fn in_words(self, is_saved: bool) -> String {
        let at_last = if is_saved {
            "only the snapshot saved at this commit can come back, and what was written since is lost"
        } else {
            "the rollback is refused, as no snapshot is saved at this commit"
        };
        match self {
            StateBack::ByPointer(version) => format!("at a rollback, state v{version} moves back by pointer"),
            StateBack::AsItIs(version) => format!("at a rollback, state v{version} goes back as it is"),
            StateBack::Downgraded(from, to) => {
                format!("at a rollback, state v{from} is downgraded to v{to}; if that fails, {at_last}")
            }
            StateBack::Migrated(from, to) => format!(
                "at a rollback, state v{from} is offered to migrate of v{to}; if the version before refuses state \
                 v{from}, {at_last}"
            ),
            StateBack::Lost(version) => {
                format!("at a rollback, state v{version} is lost, since the version before takes none")
            }
            StateBack::None(version) => {
                format!("at a rollback, state v{version} goes neither by pointer nor by copy, so it is refused")
            }
        }
    }
}

/// Whether the commit saves the state of the instances as a whole, which keeps a snapshot of it.
pub(super) fn is_saved(replaced: &ReplacedProvider) -> bool {
    match replaced.state {
        StateChange::CopiedAhead(..) => !replaced.is_copied_ahead(),
        StateChange::HandedOver(..) | StateChange::Downgraded(..) => true,
        StateChange::None | StateChange::Moved { .. } | StateChange::Discarded(_) | StateChange::Absent => false,
    }
}

/// Says for each member which way its state would go back: of a plan with a trial always, else where that way may
/// lose something.
pub(super) fn note_ways_back(members: &mut [Member], is_trial: bool) {
    for member in members {
        let notes = member.replaced.iter().filter_map(|replaced| {
            let back = replaced.back?;
            let is_safe = matches!(back, StateBack::ByPointer(_) | StateBack::AsItIs(_));
            (is_trial || !is_safe).then(|| back.in_words(is_saved(replaced)))
        });
        let mut notes: Vec<String> = notes.collect();
        notes.sort_unstable();
        notes.dedup();
        member.notes.extend(notes);
    }
}
