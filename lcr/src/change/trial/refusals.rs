//! What plans must not do: change what is on trial, or what its [rollback needs](super::way_back), bring what
//! stands in its way, begin a second
//! trial, bring a file that is in quarantine.
//!
//! The thread of a trial makes the plan that ends it, which none of this refuses.

use crate::{
    change::{
        member::Member,
        request::{Options, Refusal, Step},
        resolve::{Resolution, resolve},
        state_back::note_ways_back,
    },
    error::ErrorKind,
    host::service::{inner::RuntimeInner, state::State},
};

use super::trials::Running;

/// Resolves the steps of a plan, as [`resolve`] does, with these refusals too, and with which way state goes back.
pub(in crate::change) fn resolve_all(
    inner: &RuntimeInner,
    state: &State,
    steps: &[Step],
    options: &Options,
) -> Resolution {
    let mut resolution = resolve(state, steps, options);
    note_ways_back(&mut resolution.members, options.trial.is_some());
    resolution.refusals.extend(refuse(inner, state, steps, &resolution.members, options));
    resolution
}

fn refuse(inner: &RuntimeInner, state: &State, steps: &[Step], members: &[Member], options: &Options) -> Vec<Refusal> {
    if options.ends_trial {
        return Vec::new();
    }
    let trials = inner.trials();
    #[cfg(feature = "reflect")]
    let mut refusals = if options.ends_canary { Vec::new() } else { trials.canaries().refuse(members, options) };
    #[cfg(not(feature = "reflect"))]
    let mut refusals = Vec::new();
    let standing = trials.lock();
    if let Some(running) = &standing.running {
        refusals.extend(members.iter().filter_map(|member| touched(running, member)));
        let is_member = |name: &String| running.members.iter().any(|on_trial| on_trial.is_named(name));
        let taken = |member: &Member| Some((member.step, running.way_back.taken_by(member, steps)?));
        let taken = members.iter().filter(|member| touched(running, member).is_none()).filter_map(taken);
        refusals.extend(taken.map(|(step, what)| on_way_back(running, Some(step), &what)));
        let barred = members.iter().filter(|member| touched(running, member).is_none()).filter_map(|member| {
            let is_on_trial = |name: &str| running.members.iter().any(|on_trial| on_trial.is_named(name));
            let what = running.way_back.barred_by(state, member, &steps[member.step], options, is_on_trial)?;
            Some(in_the_way(running, member.step, &what))
        });
        refusals.extend(barred);
        refusals.extend(running.way_back.set_by(options).iter().map(|what| on_way_back(running, None, what)));
        let configured = options.configurations_after().map(|(component, _)| component);
        refusals.extend(configured.filter(|name| is_member(name)).map(|name| on_trial(running, None, name)));
        if options.trial.is_some() {
            let text = format!(
                "generation {} is on trial, and there is one trial at a time; confirm or abandon it first \
                 (Runtime::confirm, Runtime::abandon), or commit without a trial",
                running.generation
            );
            refusals.push(Refusal::new(None, ErrorKind::OnTrial, text));
        }
    }
    for (at, step) in steps.iter().enumerate() {
        let quarantined = step.hashes().and_then(|hashes| standing.quarantine.find(hashes));
        if let Some(quarantined) = quarantined {
            let error = match step.origin() {
                Some(origin) => quarantined.refusal().at(origin),
                None => quarantined.refusal(),
            };
            refusals.push(Refusal { step: Some(at), error });
        }
    }
    refusals
}

fn touched(running: &Running, member: &Member) -> Option<Refusal> {
    let mut names = member.before.iter().chain(&member.after).map(|id| &id.name);
    let name = names.find(|name| running.members.iter().any(|on_trial| on_trial.is_named(name)))?;
    Some(on_trial(running, Some(member.step), name))
}

fn on_trial(running: &Running, step: Option<usize>, name: &str) -> Refusal {
    let text = format!(
        "component `{name}` is on trial since generation {}; confirm or abandon the trial first (Runtime::confirm, \
         Runtime::abandon)",
        running.generation
    );
    Refusal::new(step, ErrorKind::OnTrial, text)
}

fn in_the_way(running: &Running, step: usize, what: &str) -> Refusal {
    let text = format!(
        "{what}; generation {} is on trial, and its rollback could not be done beside that; confirm or abandon \
        the trial \
         first (Runtime::confirm, Runtime::abandon)",
        running.generation
    );
    Refusal::new(Some(step), ErrorKind::OnTrial, text)
}

fn on_way_back(running: &Running, step: Option<usize>, what: &str) -> Refusal {
    let text = format!(
        "{what} when generation {} went on trial, and its rollback needs that; confirm or abandon the trial first \
         (Runtime::confirm, Runtime::abandon)",
        running.generation
    );
    Refusal::new(step, ErrorKind::OnTrial, text)
}
