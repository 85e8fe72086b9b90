//! Objects that the program has built, behind interfaces: who calls them, what replaces them, and who drops
//! them.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread::{self, ThreadId},
    time::Duration,
};

use lcr::{ErrorKind, Runtime};
use lcr_tests::{
    bank::{Clock, Teller, Vault},
    component, empty_runtime,
    script::Script,
    thorough_or, wait_until,
};

/// A vault of the program, which has no constructor that a runtime could call.
struct Chest {
    sum: AtomicU64,
}

impl Chest {
    fn of(sum: u64) -> Arc<Chest> {
        Arc::new(Chest { sum: AtomicU64::new(sum) })
    }
}

impl Vault for Chest {
    fn add(&self, n: u64) -> u64 {
        self.sum.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        1000
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

/// A clock of the program, which tells how and where it ends.
struct Sundial {
    ended: Arc<AtomicUsize>,
    on_drop: Box<dyn Fn() + Send + Sync>,
}

impl Sundial {
    fn new() -> (Arc<Sundial>, Arc<AtomicUsize>) {
        Sundial::that(|| {})
    }

    fn that(on_drop: impl Fn() + Send + Sync + 'static) -> (Arc<Sundial>, Arc<AtomicUsize>) {
        let ended = Arc::new(AtomicUsize::new(0));
        let on_drop = Box::new(on_drop);
        (Arc::new(Sundial { ended: Arc::clone(&ended), on_drop }), ended)
    }
}

impl Drop for Sundial {
    fn drop(&mut self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
        (self.on_drop)();
    }
}

impl Clock for Sundial {
    fn version(&self) -> u32 {
        1000
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

fn drained(rt: &Runtime) {
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_loaded_component_takes_an_object_of_the_program_as_a_dependency() {
    let rt = empty_runtime();
    let chest = Chest::of(10);
    let plan = rt.plan().add(component("teller_v1")).provide::<dyn Vault, _>("chest", Arc::clone(&chest)).unwrap();
    let plan = plan.build();
    assert!(plan.to_string().contains("add chest 0.0.0+provided (an object of the program)"), "{plan}");
    plan.commit().unwrap();
    let teller = rt.service::<dyn Teller>().unwrap();
    assert_eq!((teller.deposit(5), teller.versions()), (15, (1, 1000)));
    chest.add(1);
    assert_eq!((teller.deposit(1), rt.service::<dyn Vault>().unwrap().add(0)), (17, 17));

    // The teller holds it: neither a removal nor the end of other handles takes it away.
    let error = rt.plan().remove("chest").commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(teller.deposit(1), 18);
    drop(rt);
    assert_eq!((Arc::strong_count(&chest), chest.add(0)), (1, 18));
}

#[test]
fn an_object_is_replaced_by_a_library_and_takes_its_place_back() {
    let rt = empty_runtime();
    let (sundial, ended) = Sundial::new();
    rt.provide::<dyn Clock, _>("clock", Arc::clone(&sundial)).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    for round in 1..=3 {
        assert_eq!(clock.version(), 1000);
        assert!(Arc::strong_count(&sundial) > 1);
        let report = rt.replace(component("clock_v1")).unwrap();
        let member = &report.members[0];
        assert_eq!(member.before.as_ref().unwrap().to_string(), "clock 0.0.0+provided");
        assert_eq!(member.after.as_ref().unwrap().to_string(), "clock 1.0.0");
        assert_eq!(clock.version(), 1, "round {round}");
        drained(&rt);
        assert_eq!(Arc::strong_count(&sundial), 1, "the runtime has given its counts back");
        rt.replace(component("clock_v2")).unwrap();
        assert_eq!(clock.version(), 2);
        rt.provide::<dyn Clock, _>("clock", Arc::clone(&sundial)).unwrap();
    }
    let other = Sundial::new();
    rt.provide::<dyn Clock, _>("clock", other.0).unwrap();
    drained(&rt);
    assert_eq!((Arc::strong_count(&sundial), ended.load(Ordering::SeqCst)), (1, 0));
    drop((clock, rt));
    assert_eq!(other.1.load(Ordering::SeqCst), 1);
}

#[test]
fn an_object_takes_the_place_of_a_component_of_another_name() {
    let rt = empty_runtime();
    rt.load(component("clock_other")).unwrap();
    let name = rt.status().components[0].id.name.clone();
    assert_ne!(name, "moon");
    let clock = rt.service::<dyn Clock>().unwrap();
    // By its own name it is a second clock beside the first.
    rt.plan().provide::<dyn Clock, _>("moon", Sundial::new().0).unwrap().commit().unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap_err().kind(), ErrorKind::Ambiguous);
    rt.plan().remove("moon").commit().unwrap();
    rt.plan().provide_in_place_of::<dyn Clock, _>(&name, "moon", Sundial::new().0).unwrap().commit().unwrap();
    assert_eq!((clock.version(), rt.service_of::<dyn Clock>("moon").unwrap().version()), (1000, 1000));
    let missing = rt.plan().provide_in_place_of::<dyn Clock, _>(&name, "moon", Sundial::new().0).unwrap();
    assert_eq!(missing.commit().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_object_does_not_take_the_place_of_state_unless_the_plan_says_so() {
    let rt = empty_runtime();
    rt.load(component("vault_v1")).unwrap();
    let vault = rt.service::<dyn Vault>().unwrap();
    assert_eq!(vault.add(7), 7);
    let chest = Chest::of(0);
    let error = rt.provide::<dyn Vault, _>("vault", Arc::clone(&chest)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(error.to_string().contains("object `vault` of the program"), "{error}");
    assert_eq!((vault.add(1), Arc::strong_count(&chest)), (8, 1));
    let plan = rt.plan().provide::<dyn Vault, _>("vault", Arc::clone(&chest)).unwrap().discard_state("vault");
    let report = plan.commit().unwrap();
    assert_eq!(report.members[0].discarded_state, Some(1));
    assert_eq!((vault.add(1), chest.add(0)), (1, 1));
}

#[test]
fn what_cannot_be_provided_is_refused_and_given_back() {
    let rt = empty_runtime();
    let chest = Chest::of(0);
    for name in ["", ".chest", "chest of gold", &"c".repeat(129)] {
        let error = rt.provide::<dyn Vault, _>(name, Arc::clone(&chest)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    // The clock's handles could not go on.
    let error = rt.provide::<dyn Vault, _>("clock", Arc::clone(&chest)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    // A plan with a refused step takes nothing over.
    let plan = rt.plan().provide::<dyn Vault, _>("chest", Arc::clone(&chest)).unwrap().remove("nobody");
    assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!((Arc::strong_count(&chest), clock.version()), (1, 1));
    assert_eq!(rt.service::<dyn Vault>().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn all_instances_of_an_object_are_the_object() {
    let rt = empty_runtime();
    let chest = Chest::of(0);
    rt.provide::<dyn Vault, _>("chest", Arc::clone(&chest)).unwrap();
    let shared = rt.service::<dyn Vault>().unwrap();
    let own: Vec<_> = (0..10_u32).map(|n| rt.reference::<dyn Vault>(&n).unwrap()).collect();
    own.iter().for_each(|own| _ = own.add(1));
    assert_eq!((shared.add(0), chest.add(0), rt.status().instances), (10, 10, 11));
    drop((own, shared));
    wait_until("the handles' counts are given back", || Arc::strong_count(&chest) == 2);
    rt.plan().remove("chest").commit().unwrap();
    drained(&rt);
    assert_eq!(Arc::strong_count(&chest), 1);
    let status = rt.status();
    assert_eq!((status.constructed, status.retiring), (status.destroyed, 0));
}

#[test]
fn a_panic_of_an_object_is_a_fault_of_its_component() {
    let rt = empty_runtime();
    rt.provide::<dyn Clock, _>("clock", Sundial::new().0).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| clock.inside(&|| panic!("the sun is down")))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("clock 0.0.0+provided") && text.contains("the sun is down"), "{text}");
    assert_eq!(clock.version(), 1000);
}

#[test]
fn an_object_waits_for_the_last_call_inside_and_is_dropped_once_by_a_thread_of_the_runtime() {
    let rt = empty_runtime();
    let (send, dropped_on) = mpsc::channel::<ThreadId>();
    let (sundial, ended) = Sundial::that(move || send.send(thread::current().id()).unwrap());
    rt.provide::<dyn Clock, _>("clock", sundial).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    clock.inside(&|| {
        rt.replace(component("clock_v1")).unwrap();
        assert_eq!(rt.wait_drained(Duration::from_millis(50)).unwrap_err().kind(), ErrorKind::Deadline);
        assert_eq!(ended.load(Ordering::SeqCst), 0);
    });
    drained(&rt);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    assert_ne!(dropped_on.recv().unwrap(), thread::current().id());
}

/// The destructor of an object may call the runtime, so none runs while the runtime holds a lock.
#[test]
fn an_object_that_calls_the_runtime_while_it_is_dropped_stops_nothing() {
    let rt = Arc::new(empty_runtime());
    let asked = Arc::new(AtomicUsize::new(0));
    let dial = |rt: &Arc<Runtime>| {
        let (rt, asked) = (Arc::downgrade(rt), Arc::clone(&asked));
        Sundial::that(move || {
            if let Some(rt) = Weak::upgrade(&rt) {
                asked.fetch_add(1, Ordering::SeqCst);
                assert!(rt.status().generation > 0 && rt.service::<dyn Vault>().is_err());
                panic!("after all of that");
            }
        })
        .0
    };
    // In use, never in use, replaced by another, removed, refused.
    rt.provide::<dyn Clock, _>("clock", dial(&rt)).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    rt.replace(component("clock_v1")).unwrap();
    rt.provide::<dyn Clock, _>("clock", dial(&rt)).unwrap();
    rt.provide::<dyn Clock, _>("clock", dial(&rt)).unwrap();
    drop(clock);
    drained(&rt);
    rt.provide::<dyn Clock, _>("clock", dial(&rt)).unwrap();
    drained(&rt);
    rt.plan().remove("clock").commit().unwrap();
    drained(&rt);
    wait_until("all are dropped", || asked.load(Ordering::SeqCst) == 4);
    rt.provide::<dyn Clock, _>("clock", dial(&rt)).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    drop(Arc::try_unwrap(rt).unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| clock.version())).is_err());
}

#[test]
fn the_end_of_the_runtime_gives_objects_back_although_handles_are_left() {
    let rt = empty_runtime();
    let (used, ended) = Sundial::new();
    let chest = Chest::of(0);
    rt.provide::<dyn Clock, _>("clock", used).unwrap();
    rt.provide::<dyn Vault, _>("chest", Arc::clone(&chest)).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    drop(rt);
    assert_eq!((ended.load(Ordering::SeqCst), Arc::strong_count(&chest)), (1, 1));
    assert!(catch_unwind(AssertUnwindSafe(|| clock.version())).is_err());
}

#[test]
fn callers_and_builders_go_on_while_object_and_library_take_turns() {
    static RT: OnceLock<Runtime> = OnceLock::new();
    let rt = RT.get_or_init(empty_runtime);
    let (sundial, ended) = Sundial::new();
    rt.provide::<dyn Clock, _>("clock", Arc::clone(&sundial)).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let stop = AtomicBool::new(false);
    let rounds = thorough_or(300, 60);
    thread::scope(|scope| {
        for number in 0..3 {
            let (clock, stop) = (clock.clone(), &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let own = (number == 0).then(|| rt.reference::<dyn Clock>(&Script::default()).unwrap());
                    assert!([1, 2, 1000].contains(&own.as_ref().unwrap_or(&clock).version()));
                }
            });
        }
        let turns = || -> lcr::Result<()> {
            for round in 0..rounds {
                rt.provide::<dyn Clock, _>("clock", Arc::clone(&sundial))?;
                if round % 10 == 0 {
                    rt.replace(component(if round % 20 == 0 { "clock_v1" } else { "clock_v2" }))?;
                }
            }
            Ok(())
        };
        let turned = turns();
        stop.store(true, Ordering::Relaxed);
        turned.unwrap();
    });
    rt.replace(component("clock_v1")).unwrap();
    drained(rt);
    assert_eq!((Arc::strong_count(&sundial), ended.load(Ordering::SeqCst)), (1, 0));
}
