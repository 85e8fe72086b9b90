//! Who constructs what, and who waits for whom: so that a ring is named and not waited for.
//!
//! A constructor may ask the runtime for other services. If it asks for one that another thread
//! constructs, its thread waits for that thread; if it asks for one that a transaction has
//! frozen, it waits for the transaction's thread. A ring of such waits never ends by itself.
//!
//! A thread waits for one thing at a time, and constructs only while it does not wait. So a ring
//! closes at the moment when the last of its threads begins to wait, and that thread finds it
//! here, under the state lock. It is then refused, and its constructor's error frees the others.
//! A ring through a transaction is for the transaction's thread to find, which is woken for
//! that: whoever only asks for a service is not refused because of a transaction.
//!
//! A thread that a constructor joins or waits for by other means is not seen here; such a wait
//! ends with the patience of the one who waits for the service.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};

use super::{instances::too_deep, order::NESTED, registry::ProviderId, shared::State};

/// What the threads that construct something are doing.
#[derive(Default)]
pub(crate) struct Builders {
    threads: HashMap<u32, Builder>,
}

#[derive(Default)]
struct Builder {
    /// The providers of which it constructs instances, the outermost first.
    constructs: Vec<ProviderId>,
    waits_for: Option<Wait>,
}

/// What a thread waits for.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// Another thread constructs the shared instance.
    Constructed(ProviderId),
    /// A transaction lets nobody construct anything there.
    Thawed(ProviderId),
}

/// Whether a thread may wait.
#[must_use]
pub(super) enum Wakes {
    /// What it waits for goes on.
    Later,
    /// It waits in a ring that goes through a transaction, whose thread is to be woken.
    Transaction,
}

impl Builders {
    /// Notes that a thread constructs an instance, until [`Builders::end`].
    ///
    /// # Errors
    /// `Dependency` if it is at so many constructions that its stack might not suffice.
    pub(super) fn begin(&mut self, thread: u32, provider: ProviderId, component: &str) -> Result<()> {
        let constructs = &mut self.threads.entry(thread).or_default().constructs;
        if constructs.len() >= NESTED {
            return Err(too_deep(component, NESTED + 1));
        }
        constructs.push(provider);
        Ok(())
    }

    /// Notes that a thread's innermost construction is over.
    pub(super) fn end(&mut self, thread: u32) {
        let Some(builder) = self.threads.get_mut(&thread) else { return };
        builder.constructs.pop();
        if builder.constructs.is_empty() {
            self.threads.remove(&thread);
        }
    }

    /// Notes that a thread waits no more.
    pub(super) fn wake(&mut self, thread: u32) {
        let Some(builder) = self.threads.get_mut(&thread) else { return };
        builder.waits_for = None;
        if builder.constructs.is_empty() {
            self.threads.remove(&thread);
        }
    }

    /// In the child of a fork: only the forking thread is left, and is another one.
    pub(super) fn keep_only(&mut self, forking: u32, now: u32) {
        let kept = self.threads.remove(&forking);
        self.threads = kept.map(|builder| (now, builder)).into_iter().collect();
    }
}

impl State {
    /// Notes that a thread waits, until [`Builders::wake`].
    ///
    /// # Errors
    /// `Dependency` if it would wait for itself.
    pub(super) fn begin_wait(&mut self, thread: u32, wait: Wait) -> Result<Wakes> {
        self.builders.threads.entry(thread).or_default().waits_for = Some(wait);
        let mut names = Vec::new();
        let mut frozen_by = None;
        let mut at = thread;
        loop {
            let Some(wait) = self.builders.threads.get(&at).and_then(|builder| builder.waits_for) else {
                return Ok(Wakes::Later);
            };
            let (Wait::Constructed(provider) | Wait::Thawed(provider)) = wait;
            let Some(seat) = self.registry.providers.get(provider) else { return Ok(Wakes::Later) };
            names.push(seat.implementation.component.name.clone());
            let next = match wait {
                Wait::Constructed(_) => seat.building,
                Wait::Thawed(_) => seat.frozen.inspect(|&changer| frozen_by = Some(changer)),
            };
            at = match next {
                Some(next) if next == thread => break,
                // A ring that others are in, and will find.
                Some(_) if names.len() > self.builders.threads.len() => return Ok(Wakes::Later),
                Some(next) => next,
                None => return Ok(Wakes::Later),
            };
        }
        if frozen_by.is_some_and(|changer| changer != thread) {
            return Ok(Wakes::Transaction);
        }
        self.builders.wake(thread);
        Err(ring(names, frozen_by.is_some()))
    }

    /// What a thread is told that asks for a service which it constructs itself.
    pub(super) fn asks_for_itself(&self, thread: u32, provider: ProviderId) -> Error {
        let constructs = self.builders.threads.get(&thread).map_or(&[][..], |builder| &builder.constructs);
        let begins = constructs.iter().position(|&other| other == provider).unwrap_or(constructs.len());
        let name =
            |&id: &ProviderId| self.registry.providers.get(id).map(|seat| seat.implementation.component.name.clone());
        let names: Vec<String> = constructs[begins..].iter().filter_map(name).collect();
        if names.len() > 1 {
            return ring(names, false);
        }
        let name = name(&provider).unwrap_or_default();
        let text = format!(
            "component `{name}` asks for itself while it is being constructed; take the dependency from the context"
        );
        Error::new(ErrorKind::Reentrant, text)
    }
}

/// The refusal of a ring, by the names of those that are waited for, each by the next one.
fn ring(names: Vec<String>, has_transaction: bool) -> Error {
    let first = names.first().cloned().unwrap_or_default();
    let names = names.join(" -> ");
    if has_transaction {
        let text = format!(
            "the transaction waits for a constructor that waits for the transaction ({names} -> {first}); try again when \
             that component is there"
        );
        return Error::new(ErrorKind::Busy, text);
    }
    let text = format!(
        "components ask for each other in a ring while they are constructed: {names} -> {first}; break it at one of \
         them: ask later than in the constructor"
    );
    Error::new(ErrorKind::Dependency, text)
}
