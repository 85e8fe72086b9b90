//! Hand-made callers: each does what a caller's future does with the host's functions.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    abi::{
        fault::RawFault,
        waker::{WakerHead, WakerTable},
    },
    component::handle::Handle,
    error::HeldBy,
    host::{
        deadline::Deadline,
        ids::SlotId,
        service::{
            gate::Members,
            handles::tests::{Lamp, lamp, runtime},
            host_table::TABLE,
        },
    },
};

use super::*;

mod candidates;

/// A task's waker, which counts what happens to it. It is a kept head, of which the test has the first reference.
#[repr(C)]
pub(in super::super) struct Task {
    pub(in super::super) head: WakerHead,
    woken: AtomicUsize,
    on_wake: Box<dyn Fn() + Send + Sync>,
}

// SAFETY: the head's table is constant.
unsafe impl Send for Task {}
// SAFETY: as above.
unsafe impl Sync for Task {}

static TASK: WakerTable = WakerTable { wake, keep, free };

unsafe extern "C" fn wake(waker: *const WakerHead) {
    // SAFETY: the head is the first field of a task, which outlives the test's runtime.
    let task: &Task = unsafe { &*waker.cast() };
    task.woken.fetch_add(1, Ordering::SeqCst);
    drop(catch_unwind(AssertUnwindSafe(|| (task.on_wake)())));
}

unsafe extern "C" fn keep(_: *const WakerHead) -> *const WakerHead {
    unreachable!("the head is kept")
}

unsafe extern "C" fn free(_: *const WakerHead) {
    unreachable!("the test has a reference")
}

impl Task {
    pub(in super::super) fn new(on_wake: impl Fn() + Send + Sync + 'static) -> Arc<Task> {
        let head = WakerHead::kept(&TASK, Box::leak(Box::default()), 1);
        Arc::new(Task { head, woken: AtomicUsize::new(0), on_wake: Box::new(on_wake) })
    }

    /// How many references the host has, and how often it has woken the task.
    pub(in super::super) fn counts(&self) -> (usize, usize) {
        (self.head.references() - 1, self.woken.load(Ordering::SeqCst))
    }

    /// Waits until [`Task::counts`] are these. A thread that wakes a task drops the waker behind that.
    fn wait_for_counts(&self, counts: (usize, usize)) {
        let limit = Instant::now() + Duration::from_secs(60);
        while self.counts() != counts {
            assert!(Instant::now() < limit, "{:?} are not {counts:?}", self.counts());
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What a caller's future knows of its call.
struct Call<'a> {
    handle: &'a Handle<dyn Lamp>,
    ticket: u64,
    detached: *const Detached,
}

fn empty() -> RawEntered {
    RawEntered {
        fault: ptr::null_mut(),
        record: ptr::null(),
        depth: 0,
        table: ptr::null(),
        data: ptr::null(),
        methods: ptr::null(),
    }
}

fn leave(entered: &RawEntered) {
    // SAFETY: the host entered on this thread's record.
    unsafe { &*entered.record }.leave_to(entered.depth);
}

impl<'a> Call<'a> {
    fn new(handle: &'a Handle<dyn Lamp>) -> Call<'a> {
        Call { handle, ticket: 0, detached: ptr::null() }
    }

    /// The first poll until the call is inside; `None` if it has to wait.
    fn enter(&mut self, task: &Task) -> Option<Result<RawEntered, FaultKind>> {
        let mut entered = empty();
        let slot = self.handle.slot().as_ptr();
        // SAFETY: the handle keeps the slot.
        let answer =
            unsafe { (TABLE.enter_async)(slot, 0, &raw const task.head, &raw mut self.ticket, &raw mut entered) };
        assert_eq!(answer == AT_GATE, self.ticket != 0);
        if answer == AT_GATE {
            return None;
        }
        if entered.fault.is_null() {
            return Some(Ok(entered));
        }
        // SAFETY: the fault is ours.
        Some(Err(unsafe { RawFault::take(entered.fault) }.0))
    }

    /// The first poll of a future that is pending.
    fn start(&mut self, task: &Task) {
        let entered = self.enter(task).unwrap().unwrap();
        let place = Place::new(SlotId::of_offset(self.offset()).offset(), 0).bits();
        // SAFETY: the handle keeps the slot, and the call is inside.
        self.detached = unsafe { (TABLE.detach)(self.handle.slot().as_ptr(), entered.table, place) };
        leave(&entered);
    }

    fn offset(&self) -> usize {
        // SAFETY: the handle keeps the slot.
        unsafe { self.handle.slot().as_ref() }.offset
    }

    /// A later poll, or the drop.
    fn poll<R>(&self, inside: impl FnOnce() -> R) -> R {
        let mut entered = empty();
        // SAFETY: the call has not ended.
        unsafe { (TABLE.resume)(self.detached, &raw mut entered) };
        assert!(entered.fault.is_null());
        let result = inside();
        leave(&entered);
        result
    }

    fn end(self) {
        // SAFETY: the call has not ended.
        unsafe { (TABLE.end)(self.detached) };
    }
}

// SAFETY: a future goes from thread to thread.
unsafe impl Send for Call<'_> {}

fn commit(inner: &Arc<RuntimeInner>) {
    inner.publish_commit(&mut inner.state(), &[]);
}

fn retired(inner: &Arc<RuntimeInner>) -> usize {
    inner.reap();
    inner.state().retired.count()
}

/// Retires what serves the lamp, without a successor.
fn retire(inner: &Arc<RuntimeInner>, handle: &Handle<dyn Lamp>) {
    let slot = SlotId::of_offset(Call::new(handle).offset());
    let mut state = inner.state();
    let service = state.objects.slots().get(slot).unwrap().service();
    let instance = Arc::clone(state.objects.services().get(service).unwrap().instance());
    inner.publish_commit(&mut state, &[]);
    let generation = state.generation();
    state.retire(instance, vec![slot], generation);
}

fn shut(inner: &Arc<RuntimeInner>, limit: Duration) {
    let mut state = inner.state();
    let providers = state.objects.services().iter().flat_map(|(_, service)| service.providers().to_vec()).collect();
    let members = Members::of(&state.objects, providers);
    let elsewhere = thread::spawn(|| records::mine().thread_id()).join().unwrap();
    inner.shut_gate(&mut state, members, elsewhere, Deadline::after(Instant::now(), limit));
}

fn open(inner: &Arc<RuntimeInner>) {
    inner.reopen_gate(&mut inner.state());
    inner.wake_waiting();
}

#[test]
fn a_pending_call_holds_its_world_until_it_ends_on_any_thread() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let task = Task::new(|| ());
    let mut call = Call::new(&handle);
    call.start(&task);
    assert_eq!(records::mine().record().depth(), 0, "the call is on no thread");
    commit(&inner);
    commit(&inner);
    assert_eq!(retired(&inner), 1, "the world of the call and no other");
    assert_eq!(call.poll(|| retired(&inner)), 1);
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(call.poll(|| retired(&inner)), 1);
            call.end();
        });
    });
    assert_eq!(retired(&inner), 0);
    assert_eq!(task.counts(), (0, 0), "a call that is not held back leaves no waker");
}

#[test]
fn a_pending_call_is_named_once_with_the_thread_that_started_it() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let task = Task::new(|| ());
    let mut call = Call::new(&handle);
    let starter = thread::Builder::new().name("starter".to_owned());
    let id = thread::scope(|scope| {
        let start = || {
            call.start(&task);
            records::mine().thread_id().to_kernel()
        };
        starter.spawn_scoped(scope, start).unwrap().join().unwrap()
    });
    retire(&inner, &handle);
    let look = || {
        let stragglers = inner.all_stragglers(&mut inner.state());
        assert_eq!(stragglers.len(), 1, "{stragglers:?}");
        stragglers.into_iter().next().unwrap()
    };
    let first = look();
    assert_eq!((first.thread.as_deref(), first.thread_id), (Some("starter"), id));
    let HeldBy::AsyncCall { component, method } = first.held_by else { panic!("{first}") };
    assert_eq!(component.unwrap().to_string(), "oil 1.0.0");
    assert_eq!(method.unwrap().to_string(), "handles.lamp.shine");
    // A later poll is the same call, and its age goes on.
    let seen = Instant::now();
    let (at_least, second) = call.poll(|| (seen.elapsed(), look()));
    assert!(second.seen_for >= at_least, "{:?} < {at_least:?}", second.seen_for);
    call.end();
    assert!(inner.all_stragglers(&mut inner.state()).is_empty());
    // The slot's next call has an age of its own.
    let started = Instant::now();
    let mut next = Call::new(&handle);
    next.start(&task);
    retire(&inner, &handle);
    let (third, at_most) = (look(), started.elapsed());
    assert!(third.seen_for <= at_most, "{:?} > {at_most:?}", third.seen_for);
    next.end();
}

#[test]
fn slots_are_used_again_whichever_thread_ends_their_calls() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let task = Task::new(|| ());
    thread::scope(|scope| {
        let (send, started) = mpsc::sync_channel::<Call<'_>>(100);
        scope.spawn(move || started.into_iter().for_each(Call::end));
        let mut slots = std::collections::HashSet::new();
        for round in 0..20_000 {
            let mut call = Call::new(&handle);
            call.start(&task);
            slots.insert(call.detached.addr());
            if round % 2 == 0 { send.send(call).unwrap() } else { call.end() }
        }
        // At most 102 are in use at one time, in chunks of 32.
        assert!(slots.len() <= 160, "{} slots", slots.len());
    });
}

#[test]
fn a_call_that_starts_at_a_shut_gate_waits_and_is_woken_under_no_lock() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let (send, woken) = mpsc::channel();
    let weak = Arc::downgrade(&inner);
    let task = Task::new(move || {
        let inner = weak.upgrade().unwrap();
        send.send(inner.gate.look().is_shut() || inner.state().gate.is_some()).unwrap();
        panic!("a waker may panic");
    });
    let mut call = Call::new(&handle);
    shut(&inner, Duration::from_secs(600));
    assert!(call.enter(&task).is_none());
    assert_eq!(task.counts(), (1, 0));
    assert!(call.enter(&task).is_none(), "it was polled again for another reason");
    assert_eq!(task.counts(), (1, 0), "one waker is kept");
    let mut dropped = Call::new(&handle);
    assert!(dropped.enter(&task).is_none());
    // SAFETY: the handle keeps the slot.
    unsafe { (TABLE.unwait)(handle.slot().as_ptr(), dropped.ticket) };
    assert_eq!(task.counts(), (1, 0), "a future that is dropped takes its waker back");
    open(&inner);
    // By the thread that opens the gate, or by the reaper if that looks just then.
    assert!(!woken.recv_timeout(Duration::from_secs(60)).expect("it is woken"));
    task.wait_for_counts((0, 1));
    let entered = call.enter(&task).unwrap().unwrap();
    leave(&entered);
    assert_eq!(task.counts(), (0, 1));
}

#[test]
fn a_waker_that_hangs_keeps_no_other_call_waiting() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let (release, hang) = mpsc::channel::<()>();
    let hang = std::sync::Mutex::new(hang);
    let (send, others) = mpsc::channel();
    let hanging = Task::new(move || hang.lock().unwrap().recv().unwrap());
    let other = Task::new(move || send.send(()).unwrap());
    let mut calls = [Call::new(&handle), Call::new(&handle), Call::new(&handle)];
    shut(&inner, Duration::from_secs(600));
    for (call, task) in calls.iter_mut().zip([&other, &hanging, &other]) {
        assert!(call.enter(task).is_none());
    }
    thread::scope(|scope| {
        scope.spawn(|| open(&inner));
        // One of the reaper's rounds wakes what the hanging thread does not.
        for _ in 0..2 {
            others.recv_timeout(Duration::from_secs(60)).unwrap();
        }
        release.send(()).unwrap();
    });
    hanging.wait_for_counts((0, 1));
    other.wait_for_counts((0, 2));
}

#[test]
fn a_call_that_waits_is_woken_at_the_deadline_and_ends_with_a_fault() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let (send, woken) = mpsc::channel();
    let task = Task::new(move || send.send(()).unwrap());
    let mut call = Call::new(&handle);
    shut(&inner, Duration::from_secs(600));
    assert!(call.enter(&task).is_none());
    // Callers wait a second longer than the transaction may take.
    inner.gate.limit(Deadline::after(Instant::now(), Duration::ZERO));
    woken.recv_timeout(Duration::from_secs(60)).unwrap();
    assert!(matches!(call.enter(&task), Some(Err(FaultKind::Gate))));
    open(&inner);
    leave(&call.enter(&task).unwrap().unwrap());
}

#[test]
fn a_call_that_begins_in_a_poll_behind_the_gate_passes_it() {
    let inner = runtime();
    let handle = lamp(&inner, None);
    let task = Task::new(|| ());
    let mut outer = Call::new(&handle);
    outer.start(&task);
    shut(&inner, Duration::from_secs(600));
    let mut inner_call = Call::new(&handle);
    outer.poll(|| inner_call.start(&task));
    let stragglers = inner.behind_gate(&mut inner.state());
    assert_eq!(stragglers.len(), 2, "{stragglers:?}");
    // A sync call, too.
    assert_eq!(outer.poll(|| handle.shine()), 7);
    inner_call.end();
    outer.end();
    assert!(inner.behind_gate(&mut inner.state()).is_empty());
    open(&inner);
    assert_eq!(task.counts(), (0, 0));
}

#[test]
fn a_forgotten_future_gives_its_slot_back_at_the_end_of_its_runtime() {
    let inner = runtime();
    let core = &raw const inner.core;
    let task = Task::new(|| ());
    let handle = lamp(&inner, None);
    let mut call = Call::new(&handle);
    call.start(&task);
    let of_runtime = || records::detached().filter(|found| ptr::eq(found.slot.core(), core)).count();
    assert_eq!(of_runtime(), 1);
    drop(handle);
    inner.reap();
    assert_eq!(of_runtime(), 1, "the runtime lives");
    let weak = Arc::downgrade(&inner);
    drop(inner);
    // The reaper's thread may have a count for a moment.
    let limit = Instant::now() + Duration::from_secs(60);
    while weak.upgrade().is_some() || of_runtime() > 0 {
        assert!(Instant::now() < limit, "the slot is not taken back");
        thread::sleep(Duration::from_millis(1));
    }
}
