//! Saving the states of all components at one moment, and beginning with them in another runtime.

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{
    BoxError, Context, ErrorKind, Handle, Runtime, Stateful,
    report::{KeptStage, KeptState},
};
use lcr_tests::{
    bank::{Teller, Vault},
    component, empty_runtime,
    interfaces::Counter,
    script::{Misdeed, Moment, Script},
    wait_until,
};

fn counter(rt: &Runtime, library: &str) -> Handle<dyn Counter> {
    rt.load(component(library)).unwrap();
    rt.service().unwrap()
}

fn begun_with(bytes: &[u8]) -> Runtime {
    Runtime::builder().linked(false).restore_states(bytes).unwrap().build().unwrap()
}

fn stage(rt: &Runtime) -> KeptStage {
    let [KeptState { stage, .. }] = &rt.kept_states()[..] else { panic!("{:?}", rt.kept_states()) };
    stage.clone()
}

#[test]
fn states_move_to_another_runtime_and_migrate_where_their_version_differs() {
    let rt = empty_runtime();
    let first = counter(&rt, "counter_v1");
    first.add(5);
    let saved = rt.save_states().unwrap();
    assert_eq!(saved.saved.iter().map(ToString::to_string).collect::<Vec<_>>(), ["counter 1.0.0"]);
    assert!(saved.left_out.is_empty());
    assert_eq!(first.add(1), 6, "the instance serves on");
    for library in ["counter_v1", "counter_text"] {
        let next = begun_with(&saved.bytes);
        assert_eq!(stage(&next), KeptStage::Waiting);
        // Not restored yet, and saved again as it is.
        let again = next.save_states().unwrap();
        assert_eq!(again.bytes, saved.bytes);
        assert_eq!(counter(&next, library).add(0), 5);
        assert_eq!(stage(&next), KeptStage::Restored);
    }
    // A state that only a newer version knows is refused there, and stays.
    let newer = begun_with(&saved.bytes);
    let three = counter(&newer, "counter_text");
    let saved = newer.save_states().unwrap();
    drop(three);
    let older = begun_with(&saved.bytes);
    older.load(component("counter_v1")).unwrap();
    for _ in 0..2 {
        let error = older.service::<dyn Counter>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
        assert!(error.to_string().contains("state version 2 is not known here"), "{error}");
        assert!(matches!(stage(&older), KeptStage::Refused { .. }));
    }
    assert_eq!(older.save_states().unwrap().bytes, saved.bytes, "what was refused is not lost");
    older.replace(component("counter_text")).unwrap();
    assert_eq!(older.service::<dyn Counter>().unwrap().add(0), 5);
}

#[test]
fn a_program_may_forget_a_state_and_begin_without() {
    let rt = empty_runtime();
    let first = counter(&rt, "counter_v1");
    first.add(13);
    let next = begun_with(&rt.save_states().unwrap().bytes);
    next.load(component("counter_deadly")).unwrap();
    assert!(next.service::<dyn Counter>().is_err());
    assert_eq!((next.forget_state("nobody"), next.forget_state("counter"), next.forget_state("counter")), (0, 1, 0));
    let without: Handle<dyn Counter> = next.service().unwrap();
    assert_eq!(without.add(1), 1);
    // One that refuses to be saved is said, and the others are saved.
    without.add(665);
    let saved = next.save_states().unwrap();
    assert!(saved.saved.is_empty());
    assert!(saved.left_out[0].1.contains("it will not be saved"), "{:?}", saved.left_out);
    assert!(begun_with(&saved.bytes).kept_states().is_empty());
}

#[test]
fn bytes_cut_anywhere_are_refused_with_the_way_out() {
    let rt = empty_runtime();
    let _counter = counter(&rt, "counter_v1");
    let bytes = rt.save_states().unwrap().bytes;
    for len in 0..bytes.len() {
        let error = Runtime::builder().restore_states(&bytes[..len]).unwrap_err();
        assert!(error.kind() == ErrorKind::State && error.to_string().contains("; begin without them"), "{error}");
    }
}

#[test]
fn a_save_beside_callers_is_one_moment_and_loses_no_call() {
    let rt = Arc::new(empty_runtime());
    let one = counter(&rt, "counter_v1");
    let stop = AtomicBool::new(false);
    let counts = thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        one.add(1);
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        let mut counts = Vec::new();
        for _ in 0..20 {
            let saved = rt.save_states().unwrap();
            counts.push(counter(&begun_with(&saved.bytes), "counter_v1").add(0));
        }
        stop.store(true, Ordering::Relaxed);
        let calls: u64 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
        assert_eq!(one.add(0), calls);
        counts
    });
    assert!(counts.is_sorted() && counts.last() <= Some(&one.add(0)), "{counts:?}");
    assert_eq!(rt.generation(), 2, "a save is no commit");
    let status = rt.status();
    assert_eq!(status.retained_images, 0, "{status:#?}");
}

#[test]
fn a_save_is_given_up_while_a_call_is_inside_and_refused_from_inside() {
    let rt = empty_runtime();
    let counter = counter(&rt, "counter_v1");
    counter.add(3);
    let reentrant = |_| match rt.save_states_within(Duration::from_millis(50)) {
        Err(error) if error.kind() == ErrorKind::Reentrant => 1,
        other => panic!("{other:?}"),
    };
    assert_eq!(counter.inside(&reentrant), 1);
    assert_eq!(rt.save_states().unwrap().saved.len(), 1, "nothing stays shut");
    assert_eq!(counter.add(0), 3);
}

#[test]
fn a_state_that_is_restored_for_a_component_that_is_not_built_waits_again() {
    let rt = empty_runtime();
    rt.load(component("vault_v1")).unwrap();
    let vault: Handle<dyn Vault> = rt.service().unwrap();
    vault.add(100);
    let saved = rt.save_states().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let next = begun_with(&saved.bytes);
    next.plan().add(component("vault_v1")).add(component("teller_v1")).commit().unwrap();
    next.configure("teller", &script).unwrap();
    // The vault is built for the teller, which is not built, so nobody holds the vault any more.
    script.set("teller 1.0.0", Moment::Create, Misdeed::Error);
    for tries in 1..=2 {
        assert!(next.service::<dyn Teller>().is_err());
        wait_until("the vault is destroyed", || next.status().destroyed == tries);
        assert_eq!(stage(&next), KeptStage::Waiting);
        assert_eq!(next.save_states().unwrap().bytes, saved.bytes);
    }
    script.clear("teller 1.0.0", Moment::Create);
    let teller: Handle<dyn Teller> = next.service().unwrap();
    assert_eq!((stage(&next), teller.deposit(1)), (KeptStage::Restored, 101));
    // A program has reached the vault: from now on it goes as any other component does.
    drop(teller);
    wait_until("the vault is destroyed", || next.status().instances == 0);
    assert_eq!(stage(&next), KeptStage::Restored);
}

#[test]
fn the_state_of_a_component_that_is_built_while_a_save_waits_for_calls_is_saved() {
    let rt = empty_runtime();
    let first = counter(&rt, "counter_v1");
    first.add(5);
    let next = begun_with(&rt.save_states().unwrap().bytes);
    next.plan().add(component("vault_v1")).add(component("counter_v1")).commit().unwrap();
    let vault: Handle<dyn Vault> = next.service().unwrap();
    wait_until("the worlds before are freed", || next.status().retired_worlds == 0);
    thread::scope(|scope| {
        let mut save = None;
        let late = Mutex::new(None);
        let save = &mut save;
        let start = Mutex::new(|| *save = Some(scope.spawn(|| next.save_states().unwrap())));
        vault.inside(&|| {
            start.lock().unwrap()();
            // The save has found who is to be saved: it publishes a world, and waits until this call has left.
            wait_until("the save waits for calls", || next.status().retired_worlds > 0);
            let counter: Handle<dyn Counter> = next.service().unwrap();
            counter.add(1);
            *late.lock().unwrap() = Some(counter);
        });
        let saved = save.take().unwrap().join().unwrap();
        assert_eq!(saved.saved.len(), 2, "{saved:?}");
        assert_eq!(counter(&begun_with(&saved.bytes), "counter_v1").add(0), 6);
    });
}

/// A component whose `save` makes a plan.
#[lcr::interface(name = "saving.planner", version = 1)]
trait Planner {
    fn count(&self) -> u64;
}

#[derive(Default)]
struct Own(AtomicU64);

static OWN: OnceLock<Runtime> = OnceLock::new();
static FOUND: Mutex<Option<ErrorKind>> = Mutex::new(None);

#[lcr::component(name = "planner", version = "1.0.0", state)]
impl Planner for Own {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Stateful for Own {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        let refusal = OWN.get().ok_or("no runtime")?.load(component("clock_v1")).err();
        *FOUND.lock().unwrap() = refusal.map(|error| error.kind());
        Ok(self.count())
    }

    fn restore(state: u64, _: &Context) -> Result<Own, BoxError> {
        Ok(Own(AtomicU64::new(state)))
    }
}

#[test]
fn a_plan_that_the_save_of_a_component_makes_is_refused_at_once() {
    let rt = OWN.get_or_init(|| Runtime::new().unwrap());
    let planner: Handle<dyn Planner> = rt.service().unwrap();
    assert_eq!(rt.save_states().unwrap().saved.len(), 1);
    assert_eq!(*FOUND.lock().unwrap(), Some(ErrorKind::Busy));
    assert_eq!(planner.count(), 0);
}
