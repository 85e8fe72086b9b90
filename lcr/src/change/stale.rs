//! Stale plans: what changed between the moment at which a plan was built and the one at which it is committed.
//!
//! A plan says what it does, and somebody has decided on that. So a transaction resolves the plan's requests once more,
//! and goes on only if what they come to is still what the plan says: the same components change, from the same files,
//! with the same way for each state, under the same dependents, below the same patches and exports. What the plan does
//! not say may change: instances come and go, callers and watches come and go, and other transactions change components
//! that the plan has nothing to do with.
//!
//! [`PlanBuilder::commit`](super::plan::PlanBuilder::commit) builds and commits at once. Nobody has seen that plan, so
//! it does whatever its requests come to.

use std::sync::Weak;

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind},
};

use super::{
    description::of::text_of,
    member::{Member, ReplacedProvider, StateChange},
    resolve::Resolution,
};

/// Refuses a plan that was `built` if its requests come to something else `now`.
///
/// # Errors
/// `Stale`, with what changed.
pub(super) fn refuse_stale(built: &[Member], now: &Resolution) -> Result<(), Error> {
    match what_changed(built, now) {
        None => Ok(()),
        Some(changed) => {
            let text = format!(
                "the plan is not what it was when it was built: {changed}; nothing is changed, build the plan anew and \
                 look at it"
            );
            Err(Error::new(ErrorKind::Stale, text))
        }
    }
}

fn what_changed(built: &[Member], now: &Resolution) -> Option<String> {
    for before in built {
        let Some(after) = now.members.iter().find(|member| member.step == before.step) else { continue };
        if let Some(changed) = member_changed(before, after) {
            return Some(changed);
        }
    }
    // A member that is not there any more is refused now.
    if let Some(refusal) = now.refusals.first() {
        return Some(text_of(&refusal.error));
    }
    let dependents = built.iter().find_map(|before| {
        let after = now.members.iter().find(|member| member.step == before.step)?;
        dependents_changed(before, after)
    });
    dependents.or_else(|| (built.len() != now.members.len()).then(|| "it has other components in it".to_owned()))
}

fn member_changed(before: &Member, after: &Member) -> Option<String> {
    match (&before.before, &after.before) {
        (Some(old), Some(new)) if old != new => return Some(format!("component `{old}` has become `{new}`")),
        (Some(old), None) => return Some(format!("component `{old}` is not present any more")),
        (None, Some(new)) => return Some(format!("component `{new}` is present now")),
        (old, _) => {
            let of_same = |(old, new): (&Weak<_>, &Weak<_>)| Weak::ptr_eq(old, new);
            let is_same =
                before.present.len() == after.present.len() && before.present.iter().zip(&after.present).all(of_same);
            if let Some(old) = old.as_ref().filter(|_| !is_same) {
                return Some(format!("component `{old}` was replaced, by another build of its version"));
            }
        }
    }
    if let Some(changed) = standing_changed(&before.standing, &after.standing) {
        return Some(changed);
    }
    if before.patches != after.patches {
        return Some("other patches come, or stand in what changes, than it says".to_owned());
    }
    let interfaces = before.replaced.iter().zip(&after.replaced);
    interfaces.into_iter().find_map(|(before, after)| state_changed(before, after))
}

fn standing_changed(before: &[(u64, String)], after: &[(u64, String)]) -> Option<String> {
    let lacks = |of: &[(u64, String)], one: &&(u64, String)| !of.iter().any(|other| other.0 == one.0);
    let come = after.iter().find(|one| lacks(before, one)).map(|(_, name)| format!("`{name}` was put in"));
    let gone = || before.iter().find(|one| lacks(after, one)).map(|(_, name)| format!("`{name}` was taken off"));
    let moved = || (before != after).then(|| "patches stand in another order".to_owned());
    come.or_else(gone).or_else(moved)
}

fn state_changed(before: &ReplacedProvider, after: &ReplacedProvider) -> Option<String> {
    let is_same = before.state == after.state && before.is_behind_gate() == after.is_behind_gate();
    (!is_same).then(|| {
        let interface = &after.interface;
        let way = |replaced: &ReplacedProvider| match replaced.state {
            StateChange::None => "have no state",
            StateChange::HandedOver(..) => "have their state copied while callers are held",
            StateChange::Downgraded(..) => "have their state downgraded while callers are held",
            StateChange::CopiedAhead(..) => "have their state copied ahead",
            StateChange::Moved { .. } => "have their state moved by pointer",
            StateChange::Discarded(_) => "lose their state",
            StateChange::Absent => "would lose their state, and there are none",
        };
        let held = |replaced: &ReplacedProvider| if replaced.is_behind_gate() { ", callers held" } else { "" };
        format!(
            "the instances of {interface} were to {}{}, and now {}{}",
            way(before),
            held(before),
            way(after),
            held(after)
        )
    })
}

fn dependents_changed(before: &Member, after: &Member) -> Option<String> {
    let name = after.after.as_ref().or(after.before.as_ref())?;
    let lacks = |of: &[ComponentId], dependent: &&ComponentId| !of.contains(dependent);
    let come = after.dependents.iter().find(|dependent| lacks(&before.dependents, dependent));
    let gone = before.dependents.iter().find(|dependent| lacks(&after.dependents, dependent));
    match (come, gone) {
        (Some(come), _) => Some(format!("component `{come}` would use `{name}` now")),
        (None, Some(gone)) => Some(format!("component `{gone}` does not use `{name}` any more")),
        (None, None) => None,
    }
}
