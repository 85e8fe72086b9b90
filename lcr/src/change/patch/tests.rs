//! Patches of components that are linked in or provided.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

mod exports;
mod going_back;
mod kinds;
mod threads;

use super::*;
use crate::{
    Fault, FaultKind, Handle,
    change::fixtures::{Counted, wait},
    events::EventKind,
};

#[lcr::interface(name = "patch.counter", version = 1, patches)]
trait Counter {
    fn add(&self, n: u64) -> u64;
    fn join(&self, text: &str, bytes: Vec<u8>) -> String;
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64;
    fn fail(&self, text: &str) -> Result<u64, Fault>;
    fn panic(&self, text: &str) -> u64;
    async fn later(&self) -> u64;
}

#[derive(Default)]
struct Plain(AtomicU64);

#[lcr::component(name = "patch-plain", version = "1.0.0")]
impl Counter for Plain {
    fn add(&self, n: u64) -> u64 {
        n + 1 + self.0.load(Ordering::Relaxed)
    }
    fn join(&self, text: &str, bytes: Vec<u8>) -> String {
        format!("{text}:{}", bytes.len())
    }
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64 {
        f(1)
    }
    fn fail(&self, text: &str) -> Result<u64, Fault> {
        panic!("{text}")
    }
    fn panic(&self, text: &str) -> u64 {
        panic!("{text}")
    }
    async fn later(&self) -> u64 {
        3
    }
}

#[lcr::interface(name = "patch.guarded", version = 1, patches)]
trait Guarded {
    fn open(&self) -> bool;
}

#[derive(Default)]
struct Door;

#[lcr::component(name = "patch-door", version = "1.0.0", protected)]
impl Guarded for Door {
    fn open(&self) -> bool {
        false
    }
}

fn counter() -> (Runtime, Handle<dyn Counter>) {
    let rt = Runtime::new().unwrap();
    let handle = rt.service::<dyn Counter>().unwrap();
    (rt, handle)
}

/// Counts its drops on threads other than the one that made it.
struct Captured(Arc<AtomicU64>, thread::ThreadId);

impl Captured {
    fn new(drops: &Arc<AtomicU64>) -> Captured {
        Captured(Arc::clone(drops), thread::current().id())
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        assert_ne!(thread::current().id(), self.1, "dropped on the caller's thread");
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_method_is_rewritten_for_all_handles_and_the_others_stay() {
    let (rt, counter) = counter();
    let offset = 40;
    let patch = rt.patch::<dyn Counter>("fixed").methods(|m| m.add(move |_, n| n + offset)).commit().unwrap();
    assert_eq!(patch.generation(), rt.generation());
    assert_eq!((counter.add(2), counter.join("a", vec![1])), (42, "a:1".to_owned()));
    assert_eq!(rt.service::<dyn Counter>().unwrap().add(3), 43);
    assert_eq!(rt.reference::<dyn Counter>(&()).unwrap().add(4), 44, "an instance that came later");
    drop(patch);
    assert_eq!(counter.add(2), 3);
}

#[test]
fn a_closure_calls_what_was_there_with_other_arguments_and_changes_the_result() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn Counter>("around").methods(|m| {
        m.join(|next, text, mut bytes| {
            bytes.push(0);
            next(&format!("<{text}>"), bytes) + "!"
        })
        .inside(|next, f| next(&|n| f(n) * 10) + 1)
    });
    let _patch = patch.commit().unwrap();
    assert_eq!(counter.join("a", vec![1, 2]), "<a>:3!");
    assert_eq!(counter.inside(&|n| n + 4), 51);
}

#[test]
fn patches_stand_around_each_other_and_go_in_any_order() {
    let (rt, counter) = counter();
    let times = |factor: u64, name: &str| {
        let patch = rt.patch::<dyn Counter>(name).methods(|m| m.add(move |next, n| next(n) * factor));
        patch.commit().unwrap().keep()
    };
    let (double, triple) = (times(2, "double"), times(3, "triple"));
    let minus = rt.patch::<dyn Counter>("minus").methods(|m| m.add(|next, n| next(n) - 1)).commit().unwrap();
    assert_eq!(counter.add(0), 5, "the last one is outermost");
    let names = || rt.patches().into_iter().map(|patch| patch.name).collect::<Vec<_>>();
    assert_eq!(names(), ["double", "triple", "minus"]);
    let generation = rt.generation();
    assert_eq!(rt.unpatch(double).unwrap(), generation + 1);
    assert_eq!((counter.add(0), names()), (2, vec!["triple".to_owned(), "minus".to_owned()]));
    minus.remove().unwrap();
    assert_eq!(counter.add(0), 3);
    rt.unpatch(triple).unwrap();
    assert_eq!((counter.add(0), names().len()), (1, 0));
    assert_eq!(rt.unpatch(triple).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn layers_of_one_patch_stand_around_each_other_in_the_order_in_which_they_are_given() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn Counter>("two").methods(|m| m.add(|next, n| next(n) * 2).add(|next, n| next(n) + 5));
    let _patch = patch.commit().unwrap();
    assert_eq!(counter.add(0), 7);
}

#[test]
fn a_panic_of_a_closure_is_a_fault_of_the_patch_and_not_of_the_component() {
    let (rt, counter) = counter();
    let patch = rt.patch::<dyn Counter>("careless").methods(|m| m.fail(|_, text| panic!("oh {text}")));
    let patch = patch.commit().unwrap();
    let fault = counter.fail("dear").unwrap_err();
    assert_eq!((fault.kind(), fault.message()), (FaultKind::Panic, "oh dear"));
    assert_eq!(fault.origin().unwrap().component().to_string(), format!("careless 0.0.{}+patch", patch.number()));
    let faults = |rt: &Runtime| {
        let status = rt.status();
        status.components.iter().find(|component| component.id.name == "patch-plain").unwrap().faults
    };
    assert_eq!(faults(&rt), 0);
    drop(patch);
    assert_eq!(counter.fail("own").unwrap_err().origin().unwrap().component().name, "patch-plain");
    assert_eq!(faults(&rt), 1);
}

#[test]
fn a_fault_of_the_component_goes_through_a_closure_as_it_is() {
    let (rt, counter) = counter();
    let seen = Arc::new(AtomicBool::new(false));
    let sees = Arc::clone(&seen);
    let patch = rt.patch::<dyn Counter>("through").methods(|m| {
        m.panic(|next, text| next(&format!("{text} ink"))).fail(move |next, text| {
            let result = next(text);
            sees.store(result.as_ref().is_err_and(|fault| fault.message() == "no pen"), Ordering::Relaxed);
            result
        })
    });
    let _patch = patch.commit().unwrap();
    let fault = counter.fail("no pen").unwrap_err();
    assert!(seen.load(Ordering::Relaxed), "the closure had an error to look at");
    assert_eq!(fault.message(), "no pen");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| counter.panic("no"))).unwrap_err();
    let text = caught.downcast::<String>().unwrap();
    assert!(text.contains("no ink") && text.contains("patch-plain"), "{text}");
    assert_eq!(text.matches("no ink").count(), 1, "{text}");
}

#[test]
fn captured_values_are_dropped_once_after_the_last_call_and_on_a_thread_of_the_runtime() {
    let (rt, counter) = counter();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured::new(&drops);
    let (entered, enters) = mpsc::channel();
    let (leave, leaves) = mpsc::channel::<()>();
    let leaves = std::sync::Mutex::new(leaves);
    let patch = rt.patch::<dyn Counter>("slow").methods(|m| {
        m.add(move |next, n| {
            let _ = &captured;
            entered.send(()).unwrap();
            leaves.lock().unwrap().recv().unwrap();
            next(n) + 100
        })
    });
    let patch = patch.commit().unwrap();
    let inside = thread::spawn({
        let counter = counter.clone();
        move || counter.add(1)
    });
    enters.recv().unwrap();
    drop(patch);
    assert_eq!(counter.add(1), 2, "the others do not wait");
    rt.inner().wake_reaper();
    assert_eq!(drops.load(Ordering::SeqCst), 0, "a call is inside");
    leave.send(()).unwrap();
    assert_eq!(inside.join().unwrap(), 102);
    wait(|| drops.load(Ordering::SeqCst) == 1);
    drop(rt);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn captured_values_are_dropped_at_the_end_of_the_runtime() {
    let (rt, counter) = counter();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured::new(&drops);
    let patch = rt.patch::<dyn Counter>("kept").methods(|m| {
        m.add(move |next, n| {
            let _ = &captured;
            next(n)
        })
    });
    patch.commit().unwrap().keep();
    assert_eq!(counter.add(1), 2);
    drop(rt);
    wait(|| drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_pin_keeps_the_methods_that_it_found() {
    let (rt, counter) = counter();
    let before = Handle::pin(&counter).unwrap();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured::new(&drops);
    let patch = rt.patch::<dyn Counter>("pinned").methods(|m| {
        m.add(move |next, n| {
            let _ = &captured;
            next(n) + 10
        })
    });
    let patch = patch.commit().unwrap();
    let patched = Handle::pin(&counter).unwrap();
    drop(patch);
    assert_eq!((before.add(0), patched.add(0), counter.add(0)), (1, 11, 1));
    rt.inner().wake_reaper();
    assert_eq!(drops.load(Ordering::SeqCst), 0, "the pin holds the hook");
    drop((before, patched));
    wait(|| drops.load(Ordering::SeqCst) == 1);
}

#[test]
fn a_closure_may_call_its_own_method_through_a_handle() {
    let (rt, counter) = counter();
    let own = counter.clone();
    let patch = rt
        .patch::<dyn Counter>("sum")
        .methods(|m| m.add(move |next, n| if n == 0 { next(0) } else { n + own.add(n - 1) }));
    let _patch = patch.commit().unwrap();
    assert_eq!(counter.add(10), 56);
}

#[test]
fn a_patch_stands_in_what_replaces_its_component_and_rests_without_it() {
    let rt = Runtime::builder().linked(false).build().unwrap();
    let plain = |n| Arc::new(Plain(AtomicU64::new(n)));
    let first = plain(0); // What the program does not keep can be gone before the rollback.
    rt.provide::<dyn Counter, _>("tally", Arc::clone(&first)).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let patch = rt.patch::<dyn Counter>("tenfold").methods(|m| m.add(|next, n| next(n) * 10)).commit().unwrap();
    assert_eq!(counter.add(0), 10);
    rt.provide::<dyn Counter, _>("tally", plain(1)).unwrap();
    assert_eq!(counter.add(0), 20, "linked anew");
    rt.rollback(crate::Back::Steps(1)).unwrap();
    assert_eq!(counter.add(0), 10);
    drop(counter);
    wait(|| rt.plan().remove("tally").commit().is_ok());
    let [rests] = &rt.patches()[..] else { panic!() };
    assert!(rests.rests.as_ref().unwrap().contains("is not there"), "{rests:?}");
    rt.provide::<dyn Counter, _>("tally", plain(2)).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    assert_eq!((counter.add(0), rt.patches()[0].rests.clone()), (30, None));
    drop(patch);
    assert_eq!(counter.add(0), 3);
}

#[test]
fn what_is_refused_changes_nothing() {
    let (rt, counter) = counter();
    let generation = rt.generation();
    let refused = |patch: PatchBuilder<'_, dyn Counter>| patch.commit().unwrap_err().kind();
    assert_eq!(refused(rt.patch::<dyn Counter>("empty")), ErrorKind::Invalid);
    let add = |name, component| {
        rt.patch::<dyn Counter>(name).of_component(component).methods(|m| m.add(|_, _| unreachable!()))
    };
    assert_eq!(refused(add("../name", "patch-plain")), ErrorKind::Invalid);
    assert_eq!(refused(add("name", "nobody")), ErrorKind::NotFound);
    let open = || rt.patch::<dyn Guarded>("burglar").methods(|m| m.open(|_| true));
    assert_eq!(open().commit().unwrap_err().kind(), ErrorKind::Protected);
    assert_eq!((rt.generation(), counter.add(0), rt.patches()), (generation, 1, Vec::new()));
    let door = rt.service::<dyn Guarded>().unwrap();
    let _patch = open().override_protected().reason("the key is lost").commit().unwrap();
    assert!(door.open());
}

#[test]
fn who_follows_the_runtime_is_told() {
    let (rt, _counter) = counter();
    let mut events = rt.events();
    let patch = rt.patch::<dyn Counter>("told").methods(|m| m.add(|_, n| n)).reason("a test").commit().unwrap();
    drop(patch);
    let mut told = || loop {
        if let EventKind::Patched { patch, methods, stands, reason, .. } = events.try_next().unwrap().kind {
            return (patch.name, methods, stands, reason);
        }
    };
    let add = vec!["add".to_owned()];
    assert_eq!(told(), ("told".to_owned(), add.clone(), true, Some("a test".to_owned())));
    assert_eq!(told(), ("told".to_owned(), add, false, None));
}
