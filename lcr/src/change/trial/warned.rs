//! Warnings of the process by a supervisor, which end a trial.
//!
//! A supervisor warns a process that does not beat, does not answer or has given itself up, and kills it if that does
//! not change. If a trial is under way, the new versions are what has changed last, so they are rolled back while there
//! is time. Where there is none, the process dies in the trial, and the history has the next one begin without them.
//!
//! Who was to beat, lcr does not know. But a call of a new version that does not return is where it may be stuck: if
//! the threads that stay inside new versions are all inside one of them, that one is charged, and else the plan is.

use std::{sync::Arc, thread};

use crate::{
    error::MethodId,
    host::{service::inner::RuntimeInner, worlds::records},
};

use super::{
    end::{TrialCause, Why},
    gates::{Innermost, LOOKS, PAUSE},
    machine::Event,
    trials::OnTrial,
};

/// Tells the trial of that generation, if it is under way, that the process was warned, and why. Blocks for a moment,
/// while it looks which threads stay where they are.
#[allow(dead_code, reason = "only a process under a supervisor is warned")]
pub(crate) fn note(inner: &RuntimeInner, generation: u64, warning: &str) {
    let trials = inner.trials();
    let running = trials.lock().running.as_ref().map(|running| (running.generation, Arc::clone(&running.members)));
    let Some((_, members)) = running.filter(|(running, _)| *running == generation) else { return };
    let stuck = stuck(inner, &members);
    let text = format!("the supervisor has warned this process: {warning}");
    let why = match &stuck {
        Some((member, method)) => {
            let name = members[*member].after.as_ref().map_or_else(String::new, ToString::to_string);
            let place = method.as_ref().map_or_else(String::new, |method| format!("{method} of "));
            Why::new(TrialCause::Supervisor, format!("{text}, and a thread stays in {place}`{name}`")).of(*member)
        }
        None => Why::new(TrialCause::Supervisor, text),
    };
    let method = stuck.and_then(|(_, method)| method);
    trials.post(generation, Event::Warned(Why { method, ..why }));
}

/// The member that threads stay inside, if it is one, and the method of one of them.
fn stuck(inner: &RuntimeInner, members: &[OnTrial]) -> Option<(usize, Option<MethodId>)> {
    let mut inside: Vec<_> = {
        let state = inner.state();
        let calls = records::all().filter_map(|record| Some((record, Innermost::of_record(record)?)));
        let inside = calls.filter_map(|(record, call)| Some((call.member(&state, members)?, record, call)));
        inside.collect()
    };
    for _ in 0..LOOKS {
        thread::sleep(PAUSE);
        inside.retain(|(_, record, call)| Innermost::of_record(record).as_ref() == Some(call));
    }
    let (first, ..) = inside.first()?;
    let is_one = inside.iter().all(|((member, _), ..)| *member == first.0);
    is_one.then(|| first.clone())
}
