//! Gates that run out of time because of a version on trial.
//!
//! A plan that changes what is on trial is refused, so the gate is always that of other components. It waits for two
//! things: code that the transaction runs (`save`, constructors, health checks), and calls inside. Either may be stuck
//! in a call of a version on trial. So the question is not whose gate it was, but where the threads are that it waited
//! for: a version is charged if the innermost call of such a thread is inside it. The components whose gate it was, and
//! the callers that waited in front of it, are not asked.

use std::sync::Arc;

use crate::{
    error::{Error, ErrorKind, MethodId},
    host::{
        ids::SlotId,
        service::{inner::RuntimeInner, state::State},
        worlds::records,
    },
};

use super::{
    end::{TrialCause, Why},
    machine::Event,
    trials::OnTrial,
};

/// Tells the trial that is under way of a transaction that was refused, if it ran out of time because of a new version.
pub(in crate::change) fn note(inner: &RuntimeInner, error: &Error) {
    if error.kind() != ErrorKind::Deadline {
        return;
    }
    let trials = inner.trials();
    let running = trials.lock().running.as_ref().map(|running| (running.generation, Arc::clone(&running.members)));
    let Some((generation, members)) = running else { return };
    let state = inner.state();
    let stuck = error.stragglers().iter().find_map(|straggler| innermost(&state, &members, straggler.thread_id));
    drop(state);
    let Some((member, method)) = stuck else { return };
    let name = members[member].after.as_ref().map_or_else(String::new, ToString::to_string);
    let text = match &method {
        Some(method) => {
            format!("a transaction ran out of time, because a thread did not return from {method} of `{name}`")
        }
        None => format!("a transaction ran out of time, because a thread did not return from `{name}`"),
    };
    trials.post(generation, Event::Gate(Why { method, ..Why::new(TrialCause::Gate, text).of(member) }));
}

/// The member that the innermost call of a thread is inside.
fn innermost(state: &State, members: &[OnTrial], thread: u32) -> Option<(usize, Option<MethodId>)> {
    let record = records::all().find(|record| record.thread_id().to_kernel() == thread)?;
    let (_, place) = record.calls().last()?;
    let slot = state.objects().slots().get(SlotId::of_offset(place.offset()))?;
    let service = state.objects().services().get(slot.service())?;
    let member = members.iter().position(|member| member.has(service.instance().implementation()))?;
    let interface = &state.objects().views().get(slot.view()).interface;
    let method = interface.methods.get(place.method() as usize).and_then(|method| method.shape.name());
    let method = method.map(|method| MethodId { interface: interface.name.clone(), method: method.to_owned() });
    Some((member, method))
}
