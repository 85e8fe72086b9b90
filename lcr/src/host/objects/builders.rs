//! Which thread constructs what, and waits for which other thread: so that a ring of waits is refused with
//! the names in it, instead of lasting for ever.
//!
//! A constructor may ask the runtime for other services. If it asks for one that another thread
//! constructs, its thread waits for that thread; if it asks for one that a transaction has
//! frozen, it waits for the transaction's thread. A ring of such waits never ends by itself.
//!
//! A thread waits for one thing at a time, and constructs only while it does not wait. So a ring
//! closes at the moment when the last of its threads begins to wait, and that thread finds it
//! here, under the state lock. It is then refused, and its constructor's error frees the others.
//! If the ring goes through a transaction, the transaction is refused, and not a thread that only asks for a
//! service: the thread that finds the ring wakes the transaction's thread, which finds it again.
//!
//! Other waits of a constructor, such as joining a thread, do not show here. Such a wait ends when the
//! caller that waits for the service gives up.

use std::collections::HashMap;

use crate::{
    error::{Error, ErrorKind, Result},
    host::ids::{ProviderId, ThreadId},
};

use super::{
    order::{NESTED, too_deep},
    registry::Registry,
};

/// What the threads that construct instances do.
#[derive(Default)]
pub(crate) struct Builders {
    threads: HashMap<ThreadId, Builder>,
}

#[derive(Default)]
struct Builder {
    /// The providers whose instances the thread constructs, the outermost first.
    constructs: Vec<ProviderId>,
    waits_for: Option<Wait>,
}

/// What a thread waits for.
#[derive(Clone, Copy)]
pub(in crate::host) enum Wait {
    /// Another thread constructs the shared instance.
    Constructed(ProviderId),
    /// A transaction has frozen the provider: no other thread creates anything there.
    Thawed(ProviderId),
}

/// Whether a thread may wait.
#[must_use]
pub(in crate::host) enum Wakes {
    /// It may: what it waits for makes progress.
    Later,
    /// It may, but it is in a ring that goes through a transaction: the caller wakes the transaction's thread.
    Transaction,
}

impl Builders {
    /// Notes that a thread constructs an instance, until [`Builders::end`].
    ///
    /// # Errors
    /// `Dependency` if the thread is inside so many constructions that its stack might not suffice.
    pub(super) fn begin(&mut self, thread: ThreadId, provider: ProviderId, component: &str) -> Result<()> {
        let constructs = &mut self.threads.entry(thread).or_default().constructs;
        if constructs.len() >= NESTED {
            return Err(too_deep(component, NESTED + 1));
        }
        constructs.push(provider);
        Ok(())
    }

    /// Notes that a thread's innermost construction is over.
    pub(super) fn end(&mut self, thread: ThreadId) {
        let Some(builder) = self.threads.get_mut(&thread) else { return };
        builder.constructs.pop();
        if builder.constructs.is_empty() {
            self.threads.remove(&thread);
        }
    }

    /// Whether a thread constructs an instance, other than this one.
    pub(super) fn construct_besides(&self, thread: ThreadId) -> bool {
        self.threads.iter().any(|(&other, builder)| other != thread && !builder.constructs.is_empty())
    }

    /// Notes that a thread waits no more.
    pub(super) fn wake(&mut self, thread: ThreadId) {
        let Some(builder) = self.threads.get_mut(&thread) else { return };
        builder.waits_for = None;
        if builder.constructs.is_empty() {
            self.threads.remove(&thread);
        }
    }

    /// In the child of a fork: keeps only the forking thread, which has the number `now` there.
    pub(super) fn keep_only(&mut self, forking: ThreadId, now: ThreadId) {
        let kept = self.threads.remove(&forking);
        self.threads = kept.map(|builder| (now, builder)).into_iter().collect();
    }
}

impl Builders {
    /// Notes that a thread waits, until [`Builders::wake`].
    ///
    /// # Errors
    /// `Dependency` or `Busy` if the thread would wait for itself.
    pub(super) fn begin_wait(&mut self, registry: &Registry, thread: ThreadId, wait: Wait) -> Result<Wakes> {
        self.threads.entry(thread).or_default().waits_for = Some(wait);
        let mut names = Vec::new();
        let mut frozen_by = None;
        let mut at = thread;
        loop {
            let Some(wait) = self.threads.get(&at).and_then(|builder| builder.waits_for) else {
                return Ok(Wakes::Later);
            };
            let (Wait::Constructed(provider) | Wait::Thawed(provider)) = wait;
            let Some(provider) = registry.get(provider) else { return Ok(Wakes::Later) };
            names.push(provider.implementation().component.id.name.clone());
            let next = match wait {
                Wait::Constructed(_) => provider.builder(),
                Wait::Thawed(_) => provider.frozen_by().inspect(|&changer| frozen_by = Some(changer)),
            };
            at = match next {
                Some(next) if next == thread => break,
                // A ring of other threads, which they will find.
                Some(_) if names.len() > self.threads.len() => return Ok(Wakes::Later),
                Some(next) => next,
                None => return Ok(Wakes::Later),
            };
        }
        if frozen_by.is_some_and(|changer| changer != thread) {
            return Ok(Wakes::Transaction);
        }
        self.wake(thread);
        Err(ring(names, frozen_by.is_some()))
    }

    /// The error of a thread that asks for a service which it constructs itself.
    pub(super) fn asks_for_itself(&self, registry: &Registry, thread: ThreadId, provider: ProviderId) -> Error {
        let constructs = self.threads.get(&thread).map_or(&[][..], |builder| &builder.constructs);
        let begins = constructs.iter().position(|&other| other == provider).unwrap_or(constructs.len());
        let name =
            |&id: &ProviderId| registry.get(id).map(|provider| provider.implementation().component.id.name.clone());
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

/// The refusal of a ring, with the names of its components in the order in which they wait.
fn ring(names: Vec<String>, has_transaction: bool) -> Error {
    let first = names.first().cloned().unwrap_or_default();
    let names = names.join(" -> ");
    if has_transaction {
        let text = format!(
            "the transaction waits for a constructor that waits for the transaction ({names} -> {first}); try again \
             when that component is there"
        );
        return Error::new(ErrorKind::Busy, text);
    }
    let text = format!(
        "components ask for each other in a ring while they are constructed: {names} -> {first}; break it at one of \
         them: ask later than in the constructor"
    );
    Error::new(ErrorKind::Dependency, text)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use crate::{
        component::image,
        host::{
            image::manifest::Manifest,
            objects::{
                component::{Component, Implementation},
                provider::Pending,
            },
        },
    };

    use super::*;

    #[lcr::interface(name = "builders.stone", version = 1)]
    trait Stone {
        fn weigh(&self) -> u32;
    }

    macro_rules! stones {
        ($($ty:ident $name:literal),*) => {$(
            #[derive(Default)]
            struct $ty;
            #[lcr::component(name = $name, version = "1.0.0")]
            impl Stone for $ty {
                fn weigh(&self) -> u32 {
                    1
                }
            }
        )*};
    }
    stones! { A "a", B "b", C "c" }

    /// A registry with the three stones, and their providers.
    fn quarry() -> (Registry, Builders, [ProviderId; 3]) {
        let mut registry = Registry::default();
        let providers = ["a", "b", "c"].map(|name| {
            let own = image::exports().iter().find_map(|&export| {
                let manifest = Manifest::decode(export.manifest()).unwrap().exports.remove(0);
                (manifest.component.name == name).then_some((export, manifest))
            });
            let (export, manifest) = own.unwrap();
            let component = Component::linked(&manifest);
            registry.add(Implementation::new(component, manifest, export)).unwrap()
        });
        (registry, Builders::default(), providers)
    }

    fn thread(number: u32) -> ThreadId {
        ThreadId::of_kernel(number)
    }

    fn text(result: Result<Wakes>) -> String {
        result.err().unwrap().to_string()
    }

    #[test]
    fn the_last_thread_of_a_ring_is_refused_and_the_others_wait_on() {
        let (mut registry, mut builders, [a, b, c]) = quarry();
        for (number, provider) in [(1, a), (2, b), (3, c)] {
            registry.begin_shared(provider, thread(number));
        }
        assert!(matches!(builders.begin_wait(&registry, thread(1), Wait::Constructed(b)), Ok(Wakes::Later)));
        assert!(matches!(builders.begin_wait(&registry, thread(2), Wait::Constructed(c)), Ok(Wakes::Later)));
        // A thread from outside waits for the ring, and is in none.
        assert!(matches!(builders.begin_wait(&registry, thread(9), Wait::Constructed(a)), Ok(Wakes::Later)));
        assert!(text(builders.begin_wait(&registry, thread(3), Wait::Constructed(a))).contains("a -> b -> c -> a"));
        // Thread 3 is refused and constructs no more: thread 2, which waited for it, constructs `c` now.
        registry.begin_shared(c, thread(2));
        builders.wake(thread(2));
        assert!(matches!(builders.begin_wait(&registry, thread(1), Wait::Constructed(b)), Ok(Wakes::Later)));
    }

    #[test]
    fn one_who_waits_for_a_ring_of_others_goes_round_in_it_no_more_than_once() {
        let (mut registry, mut builders, [a, b, c]) = quarry();
        for (number, provider) in [(1, a), (2, b)] {
            registry.begin_shared(provider, thread(number));
        }
        // Both wait already, as between the refusal of one and its way out.
        builders.threads.entry(thread(1)).or_default().waits_for = Some(Wait::Constructed(b));
        builders.threads.entry(thread(2)).or_default().waits_for = Some(Wait::Constructed(a));
        assert!(matches!(builders.begin_wait(&registry, thread(3), Wait::Constructed(a)), Ok(Wakes::Later)));
        registry.end_building(c, thread(3));
        assert!(matches!(builders.begin_wait(&registry, thread(3), Wait::Constructed(c)), Ok(Wakes::Later)));
    }

    #[test]
    fn a_ring_through_a_transaction_is_the_transactions_to_end() {
        let (mut registry, mut builders, [a, b, _]) = quarry();
        // Thread 7 executes the transaction: it has frozen `b` and waits for `a`, whose
        // constructor asks for `b`.
        registry.begin_shared(a, thread(1));
        let transaction = registry.begin_transaction(BTreeMap::new());
        let successor = Arc::clone(registry.implementation(b));
        registry.announce(b, transaction, Pending::Successor(successor)).unwrap();
        registry.freeze(b, thread(7));
        assert!(matches!(builders.begin_wait(&registry, thread(7), Wait::Constructed(a)), Ok(Wakes::Later)));
        assert!(matches!(builders.begin_wait(&registry, thread(1), Wait::Thawed(b)), Ok(Wakes::Transaction)));
        let error = builders.begin_wait(&registry, thread(7), Wait::Constructed(a)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Busy);
        assert!(error.to_string().contains("a -> b -> a"), "{error}");
        // It has given up, and thread 1 waits until it has thawed what it froze.
        assert!(matches!(builders.begin_wait(&registry, thread(1), Wait::Thawed(b)), Ok(Wakes::Later)));
        registry.thaw();
        builders.wake(thread(1));
        assert!(builders.threads.is_empty());
    }
}
