//! Gates that run out of time because of a version on trial.
//!
//! A plan that changes what is on trial is refused, so the gate is always that of other components. It waits for two
//! things: code that the transaction runs (`save`, constructors, health checks), and calls inside. Either may be stuck
//! in a call of a version on trial. So the question is not whose gate it was, but where the threads are that it waited
//! for: a version is charged if the innermost call of such a thread is inside it, and stays inside it. The components
//! whose gate it was, and the callers that waited in front of it, are not asked.
//!
//! A long call of another component that calls the version often is inside it at most moments, too, and the version is
//! well. So the thread is looked at many times ([`LOOKS`]), and one look that finds it anywhere else acquits the
//! version: in another call, or in the same one entered by a later world. A call that is over and begun again between
//! each two looks passes for one that stays; calls keep no count that would tell.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    abi::{frame::Place, world::Table},
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

/// How often a thread is looked at, at least, before a version is charged; for how long, at least; and the pause
/// between two looks.
pub(super) const LOOKS: u32 = 100;
const LOOKING: Duration = Duration::from_millis(250);
pub(super) const PAUSE: Duration = Duration::from_micros(100);

/// Tells the trial that is under way of a transaction that was refused, if it ran out of time because of a new version.
/// Blocks while it looks whether the thread that was waited for stays where it is.
pub(in crate::change) fn note(inner: &RuntimeInner, error: &Error) {
    if error.kind() != ErrorKind::Deadline {
        return;
    }
    let trials = inner.trials();
    let running = trials.lock().running.as_ref().map(|running| (running.generation, Arc::clone(&running.members)));
    let Some((generation, members)) = running else { return };
    let stuck = error.stragglers().iter().find_map(|straggler| {
        let innermost = Innermost::of(straggler.thread_id)?;
        let member = innermost.member(&inner.state(), &members)?;
        innermost.stays(straggler.thread_id).then_some(member)
    });
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

/// The innermost call of a thread. The address is only compared.
#[derive(PartialEq, Eq)]
pub(super) struct Innermost {
    depth: usize,
    table: *const Table,
    place: Place,
}

impl Innermost {
    /// Where a thread is now; `None` if it is in no call.
    fn of(thread: u32) -> Option<Innermost> {
        Innermost::of_record(records::all().find(|record| record.thread_id().to_kernel() == thread)?)
    }

    /// Where the thread of a record is now; `None` if it is in no call.
    pub(super) fn of_record(record: &records::ThreadRecord) -> Option<Innermost> {
        let (depth, (table, place)) = record.calls().enumerate().last()?;
        Some(Innermost { depth, table, place })
    }

    /// Whether the thread stays there.
    fn stays(&self, thread: u32) -> bool {
        let began = Instant::now();
        let mut looks = 0;
        while looks < LOOKS || began.elapsed() < LOOKING {
            thread::sleep(PAUSE);
            if Innermost::of(thread).as_ref() != Some(self) {
                return false;
            }
            looks += 1;
        }
        true
    }

    /// The member that the call is inside, and its method.
    pub(super) fn member(&self, state: &State, members: &[OnTrial]) -> Option<(usize, Option<MethodId>)> {
        let slot = state.objects().slots().get(SlotId::of_offset(self.place.offset()))?;
        let service = state.objects().services().get(slot.service())?;
        let member = members.iter().position(|member| member.has(service.instance().implementation()))?;
        let interface = &state.objects().views().get(slot.view()).interface;
        let method = interface.methods.get(self.place.method() as usize).and_then(|method| method.shape.name());
        let method = method.map(|method| MethodId { interface: interface.name.clone(), method: method.to_owned() });
        Some((member, method))
    }
}
