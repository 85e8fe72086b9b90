//! How a plan's description is made of what resolving has found.

use std::{
    error::Error as _,
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::{
    error::Error,
    host::{
        image::{manifest::Manifest, stage::show},
        serial::cut,
    },
};

use super::{
    super::{
        member::{Member, PatchPart, ReplacedProvider, StateBack, StateChange},
        request::{Options, Step},
        resolve::Resolution,
        state_back::is_saved,
    },
    HoldCause, HoldDescription, InterfaceDescription, MemberDescription, OptionsDescription, PatchDescription,
    PlanDescription, RefusalDescription, StateBackDescription, StateDescription,
};

/// How many bytes of the text of a refusal are told, its causes included.
const LONGEST_TEXT: usize = 16 << 10;
/// How many causes of an error are told.
const MOST_CAUSES: usize = 16;

/// The description of a plan, without what only [`Plan::describe`](crate::Plan::describe) looks for.
pub(in crate::change) fn plan(
    generation: u64,
    steps: &[Step],
    options: &Options,
    resolution: &Resolution,
) -> PlanDescription {
    let members = resolution.members.iter();
    let of_steps = steps.iter().filter_map(|step| step.refusal.as_ref());
    let refusals = of_steps.chain(resolution.refusals.iter().map(|refusal| &refusal.error));
    PlanDescription {
        generation,
        actor: options.actor.clone(),
        reason: options.reason.clone(),
        members: members.map(|member| self::member(member, &steps[member.step])).collect(),
        bindings: options.bindings.clone(),
        configured: options.configurations.keys().cloned().collect(),
        unbound: options.unbound.iter().cloned().collect(),
        unconfigured: options.unconfigured.iter().cloned().collect(),
        trial: options.trial.as_ref().map(|planned| planned.rules.description()),
        hold: hold(&resolution.members, options),
        inside: Vec::new(),
        options: self::options(options),
        refusals: refusals.map(refusal).collect(),
    }
}

fn member(member: &Member, step: &Step) -> MemberDescription {
    let manifest = step.manifest();
    let staged = step.staged.as_ref();
    let replaced = member.replaced.iter().map(interface);
    let gained = manifest.into_iter().flat_map(|manifest| member.added.iter().map(|&export| gained(manifest, export)));
    let lost = member.lost.iter().map(|(name, version)| changed(name, Some(*version), None));
    MemberDescription {
        before: member.before.clone(),
        hash_before: member.hash_before,
        after: member.after.clone(),
        hash_after: staged.map(|staged| staged.hash),
        file: staged.map(|staged| show(&staged.source)),
        file_bytes: staged.map(|staged| staged.len),
        origin: member.source.clone(),
        interfaces: replaced.chain(gained).chain(lost).collect(),
        dependents: member.dependents.clone(),
        patches: member.patches.iter().map(patch).collect(),
        protected: member.protected,
        panic_abort: member.aborts,
        notes: member.notes.clone(),
    }
}

fn patch(part: &PatchPart) -> PatchDescription {
    let PatchPart { export, name, component, interface, methods, rests } = part.clone();
    PatchDescription { name, is_new: export.is_some(), component, interface, methods, rests }
}

fn gained(manifest: &Manifest, export: usize) -> InterfaceDescription {
    let export = &manifest.exports[export];
    changed(&export.interface, None, Some(export.interface_version))
}

/// An interface that comes or goes.
fn changed(name: &str, version_before: Option<u32>, version_after: Option<u32>) -> InterfaceDescription {
    InterfaceDescription {
        interface: name.to_owned(),
        version_before,
        version_after,
        instances: 0,
        state: StateDescription::None,
        back: None,
        not_by_pointer: None,
        holds_callers: false,
        protected: false,
        differences: Vec::new(),
    }
}

fn interface(replaced: &ReplacedProvider) -> InterfaceDescription {
    let (before, after) = replaced.versions;
    InterfaceDescription {
        instances: replaced.instances,
        state: state(replaced),
        back: replaced.back.map(|back| self::back(back, is_saved(replaced))),
        not_by_pointer: replaced.why_copied.clone(),
        holds_callers: replaced.is_behind_gate(),
        protected: replaced.protected,
        ..changed(&replaced.interface, Some(before), Some(after))
    }
}

fn state(replaced: &ReplacedProvider) -> StateDescription {
    match replaced.state {
        StateChange::None => StateDescription::None,
        StateChange::HandedOver(from, to) => StateDescription::Copied { from, to },
        StateChange::Downgraded(from, to) => StateDescription::Downgraded { from, to },
        StateChange::CopiedAhead(from, to, hold) if replaced.is_copied_ahead() => {
            StateDescription::CopiedAhead { from, to, hold }
        }
        StateChange::CopiedAhead(from, to, _) => StateDescription::Copied { from, to },
        StateChange::Moved { version, points } => StateDescription::ByPointer { version, points },
        StateChange::Discarded(version) => StateDescription::Discarded { version },
        StateChange::Absent => StateDescription::Absent,
    }
}

fn back(back: StateBack, is_saved: bool) -> StateBackDescription {
    match back {
        StateBack::ByPointer(version) => StateBackDescription::ByPointer { version },
        StateBack::AsItIs(version) => StateBackDescription::AsItIs { version },
        StateBack::Downgraded(from, to) => StateBackDescription::Downgraded { from, to, snapshot: is_saved },
        StateBack::Migrated(from, to) => StateBackDescription::Migrated { from, to, snapshot: is_saved },
        StateBack::Lost(version) => StateBackDescription::Lost { version },
        StateBack::None(version) => StateBackDescription::Refused { version },
    }
}

/// How long callers may expect to be held: by the member that takes the longest.
fn hold(members: &[Member], options: &Options) -> HoldDescription {
    let replaced = members.iter().flat_map(|member| &member.replaced);
    let gated = replaced.filter(|replaced| replaced.instances > 0 && replaced.is_behind_gate());
    let by = gated.map(|replaced| match replaced.state {
        _ if replaced.moves() || replaced.is_made_ahead() => HoldCause::Pointers,
        _ if replaced.is_copied_ahead() => HoldCause::LastChanges,
        _ if replaced.is_stateful() => HoldCause::WholeStates,
        _ => HoldCause::Constructors,
    });
    let by = by.max().unwrap_or(HoldCause::Nothing);
    let about = if by == HoldCause::LastChanges { options.precopy_hold } else { None };
    HoldDescription { by, about, at_most: options.deadline }
}

fn options(options: &Options) -> OptionsDescription {
    OptionsDescription {
        deadline: options.deadline,
        gate_wait: options.gate_wait,
        timeout: options.timeout,
        override_protected: options.override_protected,
        allow_panic_abort: options.allow_panic_abort,
        require_patches: options.require_patches,
        discard_state: options.discard_state.clone(),
        restore_snapshot: options.restore_snapshot.clone(),
        precopy_rounds: options.precopy_rounds,
        precopy_hold: options.precopy_hold,
        precopy_backlog: options.precopy_backlog,
    }
}

fn refusal(error: &Error) -> RefusalDescription {
    RefusalDescription { kind: error.kind(), text: text_of(error) }
}

/// The text of an error with its causes.
pub(in crate::change) fn text_of(error: &Error) -> String {
    let mut text = error.to_string();
    let causes = iter::successors(error.source(), |&cause| cause.source());
    for cause in causes.take(MOST_CAUSES) {
        text.push_str(": ");
        // A component's own error says what it likes, and may panic.
        let cause = catch_unwind(AssertUnwindSafe(|| cause.to_string()));
        text.push_str(cause.as_deref().unwrap_or("(an error that cannot say what it is)"));
    }
    cut(&mut text, LONGEST_TEXT);
    text
}
