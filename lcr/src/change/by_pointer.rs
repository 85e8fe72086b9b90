//! States that move by pointer: from the check of allocators to the commit.
//!
//! `component/state` argues why a box may change images, [`handover`](super::handover) has the rest of what happens
//! behind the gate. In order:
//!
//! 1. *Load*: the old and the new image have one allocator, or the state is copied, or the plan is refused.
//! 2. *Prepare*, while callers go on: the successor is constructed and asked for its health. Then the value that its
//!    constructor made is dropped, and the successor's state is away: its threads wait for the commit. Until then,
//!    calls of the transaction's thread to this service reach the old instance, whose state they change as any call
//!    does.
//! 3. *Hand-over*, behind the gate, after all other members are restored: each box is taken out of the old instance, if
//!    no thread of the component has its lock. No author's code runs from the first take to the commit. The boxes are
//!    in the gate, under the state lock.
//! 4. *Commit*: the boxes are given to the successors, before the new world is published. Or the gate opens again,
//!    which gives them back, whoever opens it: this thread after a refusal or panic, the caller at the deadline, the
//!    child of a fork.
//!
//! So the time at the gate depends on the number of instances, and not on the size of their states. What the old
//! instance's threads still want of the state is refused after the commit.

use std::{sync::Arc, thread, time::Duration};

use crate::{
    error::{Error, ErrorKind, LifecycleStep},
    host::{
        deadline::Deadline,
        ids::ServiceId,
        image::allocator::Request,
        objects::{
            component::Implementation,
            instances::{Instance, Taken},
        },
        service::state::State,
    },
};

use super::{
    execution::Execution,
    handover::GRACE,
    member::{StateChange, named},
    stop::Stop,
    watch::Phase,
};

/// The pause between two tries to get a lock that a thread of the component has.
const PAUSE: Duration = Duration::from_micros(50);

impl Execution {
    /// Has the state of each member that was to move by pointer copied, if its images have different allocators.
    pub(super) fn check_allocators(&mut self) -> Result<(), Stop> {
        let inner = Arc::clone(&self.inner);
        for (member, loaded) in self.members.iter_mut().zip(&self.loaded) {
            for replaced in &mut member.replaced {
                let StateChange::Moved { version, .. } = replaced.state else { continue };
                let old = {
                    let state = inner.state();
                    Arc::clone(state.objects().registry().implementation(replaced.provider))
                };
                let new = &loaded[replaced.export];
                let Some(block) = inner.allocator_difference(&old.component, &new.component) else { continue };
                if !(old.manifest.can_copy_state() && new.manifest.can_copy_state()) {
                    return Err(other_allocator(&old, new, block).into());
                }
                tracing::debug!(
                    component = %new.component,
                    %block,
                    "a state is copied: the allocators are not one, since a block that one of them freed did not come back"
                );
                replaced.state = StateChange::HandedOver(version, version);
            }
        }
        Ok(())
    }

    /// Drops the state that the constructor of a successor made, so that the moved one can take its place.
    pub(super) fn empty(&self, instance: &Instance) -> Result<(), Stop> {
        let component = &instance.implementation().component;
        self.watch.step(Arc::clone(component) as _, LifecycleStep::Constructor)?;
        loop {
            match instance.take_state() {
                Taken::Value(made) => return Ok(instance.destroy_state(made)?),
                Taken::Busy => {
                    self.check_watch()?;
                    thread::sleep(PAUSE);
                }
                Taken::Absent => {
                    let text = format!(
                        "a new instance of component `{component}` shares its state with another instance; give each \
                         instance an `lcr::State` of its own"
                    );
                    return Err(Error::new(ErrorKind::State, text).into());
                }
            }
        }
    }

    /// Takes the states of these instances out, into the gate. Waits for threads of the components that have the
    /// locks, at most until `deadline`.
    pub(super) fn take_states(
        &self,
        mut moving: Vec<(ServiceId, Arc<Instance>)>,
        deadline: Deadline,
    ) -> Result<(), Stop> {
        self.watch.enter(Phase::HandOver, self.thread, deadline.later(GRACE))?;
        self.note_pointers(&moving);
        loop {
            let mut state = self.inner.state();
            self.watch.check()?;
            moving = take_now(&mut state, moving)?;
            drop(state);
            let Some((_, first)) = moving.first() else { return Ok(()) };
            if deadline.has_passed() {
                let text = format!(
                    "a thread of component `{}` keeps its state locked: no guard of an `lcr::State` may outlive a call \
                     for long; the old version serves on",
                    first.implementation().component
                );
                return Err(Error::new(ErrorKind::Deadline, text).into());
            }
            thread::sleep(PAUSE);
        }
    }

    /// Has the images of both sides stay mapped where a state that moves may point into them.
    fn note_pointers(&self, moving: &[(ServiceId, Arc<Instance>)]) {
        for (id, old) in moving {
            let Some(successor) = self.successors.get(id) else { continue };
            let old = old.implementation();
            if old.manifest.kept.as_ref().is_some_and(|kept| kept.points) {
                old.component.note_pointed_into();
                successor.instance.implementation().component.note_pointed_into();
            }
        }
    }

    fn check_watch(&self) -> Result<(), Stop> {
        let state = self.inner.state();
        let checked = self.watch.check();
        drop(state);
        Ok(checked?)
    }
}

/// Takes the states that can be taken at once. Returns the instances of which a thread has the lock.
fn take_now(
    state: &mut State,
    moving: Vec<(ServiceId, Arc<Instance>)>,
) -> Result<Vec<(ServiceId, Arc<Instance>)>, Error> {
    let mut busy = Vec::new();
    for (id, old) in moving {
        match old.take_state() {
            Taken::Value(value) => state.note_taken(id, old, value),
            Taken::Busy => busy.push((id, old)),
            Taken::Absent => {
                let text = format!(
                    "an instance of component `{}` shares its state with another instance, which has given it away; \
                     the old version serves on",
                    old.implementation().component
                );
                return Err(Error::new(ErrorKind::State, text));
            }
        }
    }
    Ok(busy)
}

fn other_allocator(old: &Implementation, new: &Implementation, block: Request) -> Error {
    let text = format!(
        "the state of component {} cannot move to {}: their allocators are not one, so that one cannot free what the \
         other allocated ({block} was freed and does not come back), and serde does not know its type; build both with \
         one global allocator, or derive serde's Serialize and Deserialize for it",
        named(&old.manifest),
        named(&new.manifest),
    );
    Error::new(ErrorKind::State, text)
}
