//! Threads that come and go: thousands of threads, calls in their last destructors, handles that end with
//! them, panics in callbacks, and the runtime's own threads.

use std::{
    cell::RefCell,
    fs, panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use lcr::{Handle, Runtime, RuntimeBuilder};
use lcr_tests::{
    crowd::{Crew, Epoch, Lower, Scene, Upper},
    in_a_process_of_its_own, wait_until,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];

fn scenes() -> [Scene; 2] {
    let with = |builder: RuntimeBuilder, cast| Scene::open(builder, cast);
    [with(Runtime::builder(), PAIR), with(Runtime::builder().fences(true), STATEFUL_PAIR)]
}

#[test]
fn thousands_of_threads_come_and_go_under_replacement() {
    for scene in scenes() {
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let work = |_| {
            let upper = &upper;
            let calls = || (0..10).map(|_| upper.both().0).max().unwrap();
            let epoch = thread::scope(|scope| scope.spawn(calls).join().unwrap());
            assert!(epoch <= scene.epoch());
            1
        };
        let (threads, _) = Crew::new(2_000, 40).run(work, || drop(scene.replace().unwrap()));
        assert!(threads >= 2_000);
        drop(upper);
        scene.close();
    }
}

/// Makes a call in its destructor, when its thread ends.
struct LastCall {
    upper: Handle<dyn Upper>,
    lower: Handle<dyn Lower>,
    seen: &'static AtomicU64,
}

impl Drop for LastCall {
    fn drop(&mut self) {
        let epoch = self.upper.inside(&|epoch| self.lower.inside(&|_| epoch));
        assert!(self.upper.both().0 >= epoch);
        let _ = self.upper.fail(&|| {}).unwrap_err();
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
}

thread_local! {
    static LAST_CALL: RefCell<Option<LastCall>> = const { RefCell::new(None) };
}

#[test]
fn calls_are_made_by_the_destructors_of_thread_locals() {
    static SEEN: AtomicU64 = AtomicU64::new(0);
    let mut ended = 0;
    for scene in scenes() {
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
        let work = |number| {
            // For half of the threads the call in the destructor is their first.
            let call_before = || assert!(number % 2 == 0 || upper.both().0 <= scene.epoch());
            let (upper, lower) = (upper.clone(), lower.clone());
            let put_down = || LAST_CALL.set(Some(LastCall { upper, lower, seen: &SEEN }));
            thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    call_before();
                    put_down();
                });
                // Unlike the end of the scope, this waits for the destructors, too.
                thread.join().unwrap();
            });
            1
        };
        ended += Crew::new(500, 20).run(work, || drop(scene.replace().unwrap())).0;
        drop((upper, lower));
        scene.close();
    }
    assert_eq!(SEEN.load(Ordering::Relaxed), ended);
}

/// Makes calls in each round of the destructors of keys, which are the last code of a thread.
struct VeryLastCalls {
    key: libc::pthread_key_t,
    upper: Handle<dyn Upper>,
    lower: Handle<dyn Lower>,
    rounds: u64,
}

/// How many calls of [`VeryLastCalls`] went well.
static ROUNDS: AtomicU64 = AtomicU64::new(0);

unsafe extern "C" fn last_round(value: *mut libc::c_void) {
    // SAFETY: the value is the one set below, or in the round before; each round has it once.
    let mut last = unsafe { Box::from_raw(value.cast::<VeryLastCalls>()) };
    // This is long enough for other threads to begin and take a record.
    for _ in 0..20 {
        let epoch = last.upper.inside(&|epoch| last.lower.inside(&|_| epoch));
        assert!(last.upper.both().0 >= epoch);
    }
    ROUNDS.fetch_add(1, Ordering::Relaxed);
    last.rounds += 1;
    if last.rounds < ALL_ROUNDS {
        last.set();
    }
}

/// `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ALL_ROUNDS: u64 = 4;

impl VeryLastCalls {
    fn set(self: Box<VeryLastCalls>) {
        let key = self.key;
        // SAFETY: the key is never deleted, and its destructor takes what is set here.
        let result = unsafe { libc::pthread_setspecific(key, Box::into_raw(self).cast()) };
        assert_eq!(result, 0);
    }
}

#[test]
fn calls_are_made_in_the_very_last_destructors_of_a_thread() {
    let mut ended = 0;
    for scene in scenes() {
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
        // The runtime has made its own key: the destructor of this one comes after it.
        upper.both();
        let mut key = 0;
        // SAFETY: the pointer is valid, and the function is one for such a key.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(last_round)) }, 0);
        let work = |_| {
            let last = Box::new(VeryLastCalls { key, upper: upper.clone(), lower: lower.clone(), rounds: 0 });
            thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    last.upper.both();
                    last.set();
                });
                thread.join().unwrap();
            });
            1
        };
        ended += Crew::new(500, 20).run(work, || drop(scene.replace().unwrap())).0;
        drop((upper, lower));
        scene.close();
    }
    assert_eq!(ROUNDS.load(Ordering::Relaxed), ended * ALL_ROUNDS);
}

#[test]
fn an_instance_whose_last_handle_ends_with_its_thread_is_destroyed() {
    for scene in scenes() {
        let work = |_| {
            let own: Handle<dyn Upper> = scene.rt.reference(&(7 as Epoch)).unwrap();
            let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
            let put_down = move || {
                assert_eq!(own.epoch(), 7);
                static SEEN: AtomicU64 = AtomicU64::new(0);
                LAST_CALL.set(Some(LastCall { upper: own, lower, seen: &SEEN }));
            };
            // The thread's own object has an epoch of its own; the object below it has another one.
            let _ = thread::spawn(put_down).join();
            1
        };
        Crew::new(200, 10).run(work, || drop(scene.replace().unwrap()));
        scene.close();
    }
}

/// Makes a call while its thread unwinds.
struct Unwinding<'a>(&'a Handle<dyn Upper>);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        assert!(thread::panicking());
        let (above, below) = self.0.both();
        assert!(below >= above);
    }
}

#[test]
fn threads_that_die_of_a_panic_inside_a_callback_leave_no_call_behind() {
    for scene in scenes() {
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let work = |_| {
            let upper = &upper;
            let die = || {
                let _unwinding = Unwinding(upper);
                upper.inside(&|_| {
                    let _unwinding = Unwinding(upper);
                    panic::resume_unwind(Box::new("dies"))
                })
            };
            // A method without a place for a fault panics in its caller.
            let quiet = || panic::catch_unwind(panic::AssertUnwindSafe(die));
            thread::scope(|scope| scope.spawn(quiet).join().unwrap().unwrap_err());
            1
        };
        Crew::new(300, 10).run(work, || drop(scene.replace().unwrap()));
        assert_eq!(scene.rt.status().stragglers, []);
        drop(upper);
        scene.close();
    }
}

#[test]
fn a_runtime_takes_its_threads_with_it() {
    in_a_process_of_its_own(|| {
        let names = || {
            let tasks = fs::read_dir("/proc/self/task").unwrap();
            let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            tasks.map(|task| name(task.unwrap())).filter(|name| name.starts_with("lcr-")).count()
        };
        for _ in 0..30 {
            let scene = Scene::open(Runtime::builder(), PAIR);
            let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
            scene.replace().unwrap();
            assert_eq!(upper.both(), (1, 1));
            drop(upper);
            scene.close();
        }
        wait_until("the runtimes' threads have ended", || names() == 0);
    });
}
