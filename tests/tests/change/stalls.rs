//! Code that never returns, and constructors that wait for each other in a ring. Each ends the transaction that it is
//! part of, is named in the error, and stops nothing else.

use std::{
    collections::HashMap,
    fs::DirBuilder,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    sync::{Arc, Barrier, Mutex, mpsc},
    thread,
    time::Duration,
};

use lcr::{Context, ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Bank, Branch, Clock, Teller, Vault as _},
    component, empty_runtime, in_a_process_of_its_own, names,
    script::{Misdeed, Moment, Script},
    wait_until,
};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn one_destructor_that_never_returns_stops_no_other_and_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let hanging = rt.reference::<dyn Clock>(&script).unwrap();
    script.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(hanging);
    script.wait_for("clock 1.0.0", Moment::Drop);
    // An instance with another script does not hang.
    let elsewhere = tempfile::tempdir().unwrap();
    let others = Script::new(elsewhere.path());
    for _ in 0..100 {
        rt.reference::<dyn Clock>(&others).unwrap();
    }
    wait_until("the others are destroyed", || rt.status().destroyed == 100);
    wait_until("their slots are taken back", || rt.status().handles == 0);
    let status = rt.status();
    assert_eq!((status.instances, status.retiring), (0, 1), "{status:#?}");
    let error = rt.wait_drained(Duration::from_millis(20)).unwrap_err();
    let [stuck] = error.stragglers() else { panic!("{error:?}") };
    assert_eq!(names(stuck)[1..], ["clock 1.0.0", "destructor"], "{error}");
    assert!(error.to_string().contains("clock 1.0.0"), "{error}");
    wait_until("the status names it", || {
        rt.status().stragglers.iter().any(|straggler| names(straggler)[1..] == ["clock 1.0.0", "destructor"])
    });
    // Another replacement succeeds while the destructor hangs.
    let clock: Handle<dyn Clock> = rt.reference(&others).unwrap();
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!(clock.version(), 2);
    wait_until("what was replaced is destroyed", || rt.status().destroyed == 101);
    script.clear("clock 1.0.0", Moment::Drop);
    rt.wait_drained(LONG).unwrap();
    assert_eq!(rt.status().destroyed, 102);
}

#[test]
fn many_destructors_that_never_return_at_once_stop_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let hanging: Vec<_> = (0..5).map(|_| rt.reference::<dyn Clock>(&script).unwrap()).collect();
    script.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(hanging);
    rt.reference::<dyn Clock>(&Script::default()).unwrap();
    wait_until("the other clock is destroyed", || rt.status().destroyed == 1);
    let error = rt.wait_drained(Duration::ZERO).unwrap_err();
    assert_eq!(error.stragglers().len(), 5, "{error:?}");
    script.clear("clock 1.0.0", Moment::Drop);
    rt.wait_drained(LONG).unwrap();
    assert_eq!(rt.status().destroyed, 6);
}

#[test]
fn the_end_of_a_runtime_does_not_wait_for_ever_for_a_destructor_and_destroys_the_others() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [script, others] = directories.each_ref().map(Script::new);
    let rt = Runtime::builder().linked(false).shutdown_timeout(Duration::from_secs(2)).build().unwrap();
    rt.plan().add(component("vault_v1")).add(component("teller_v1")).add(component("clock_v1")).commit().unwrap();
    rt.configure("teller", &script).unwrap();
    rt.configure("vault", &others).unwrap();
    rt.configure("clock", &others).unwrap();
    let (teller, clock) = (rt.service::<dyn Teller>().unwrap(), rt.service::<dyn Clock>().unwrap());
    script.set("teller 1.0.0", Moment::Drop, Misdeed::Hang);
    drop(rt);
    script.wait_for("teller 1.0.0", Moment::Drop);
    // It does not depend on the instance that hangs.
    others.wait_for("clock 1.0.0", Moment::Drop);
    assert!(!others.has_come("vault 1.0.0", Moment::Drop), "the instance that hangs still depends on the vault");
    script.clear("teller 1.0.0", Moment::Drop);
    others.wait_for("vault 1.0.0", Moment::Drop);
    drop((teller, clock));
}

/// Links of a chain, which ask the runtime for each other while they are constructed.
mod chain {
    use super::*;

    #[lcr::interface(name = "chain.link", version = 1)]
    pub trait Link {
        fn pull(&self);
    }

    /// What the constructor of a link does.
    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    pub struct Orders {
        /// The number of its stage.
        pub stage: u64,
        /// The name of the link that it asks for.
        pub asks: Option<String>,
        /// Whether it asks for an instance of its own.
        pub own: bool,
    }

    /// Where links are constructed.
    pub struct Stage {
        pub rt: Runtime,
        /// Constructors that run at one time meet here, each once.
        pub meeting: Mutex<HashMap<String, Arc<Barrier>>>,
    }

    pub static STAGES: Mutex<Vec<Arc<Stage>>> = Mutex::new(Vec::new());

    fn forge(context: &Context) -> Result<(), lcr::BoxError> {
        let orders: Orders = context.config()?;
        let stage = Arc::clone(&STAGES.lock().unwrap()[orders.stage as usize]);
        let meeting = stage.meeting.lock().unwrap().remove(context.component());
        if let Some(meeting) = meeting {
            meeting.wait();
        }
        match &orders.asks {
            Some(asks) if orders.own => drop(stage.rt.reference_of::<dyn Link>(asks, &orders)?),
            Some(asks) => drop(stage.rt.service_of::<dyn Link>(asks)?),
            None => {}
        }
        Ok(())
    }

    macro_rules! links {
        ($($ty:ident $name:literal),*) => {$(
            pub struct $ty;
            impl $ty {
                fn new(context: &Context) -> Result<$ty, lcr::BoxError> {
                    forge(context).map(|()| $ty)
                }
            }
            #[lcr::component(name = $name, version = "1.0.0", create = Self::new)]
            impl Link for $ty {
                fn pull(&self) {}
            }
        )*};
    }
    links! { Left "left", Middle "middle", Right "right" }
}
use chain::{Link as _, Orders, STAGES, Stage};

/// A stage on which each of `links` asks for another link. With `meet`, the threads that first construct
/// them are inside the constructors at one time.
fn stage(links: &[(&str, Option<&str>)], meet: bool) -> Arc<Stage> {
    let together = Arc::new(Barrier::new(links.len()));
    let meeting = links.iter().map(|(name, _)| ((*name).to_owned(), Arc::clone(&together)));
    let meeting = Mutex::new(if meet { meeting.collect() } else { HashMap::new() });
    let stage = Arc::new(Stage { rt: Runtime::new().unwrap(), meeting });
    let mut stages = STAGES.lock().unwrap();
    for (name, asks) in links {
        let orders = Orders { stage: stages.len() as u64, asks: asks.map(str::to_owned), own: false };
        stage.rt.configure(name, &orders).unwrap();
    }
    stages.push(Arc::clone(&stage));
    stage
}

/// Asks for each of these links on a thread of its own, all at one time, and returns the results.
fn ask(stage: &Stage, links: &[&str]) -> Vec<Result<(), lcr::Error>> {
    thread::scope(|scope| {
        let ask = |name| scope.spawn(move || stage.rt.service_of::<dyn chain::Link>(name).map(|link| link.pull()));
        let threads: Vec<_> = links.iter().map(|&name| ask(name)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn texts(answers: Vec<Result<(), lcr::Error>>) -> String {
    answers.into_iter().map(|answer| answer.unwrap_err().to_string() + "\n").collect()
}

#[test]
fn constructors_that_wait_for_each_other_are_named_at_once() {
    let two = stage(&[("left", Some("right")), ("right", Some("left"))], true);
    let texts = texts(ask(&two, &["left", "right"]));
    assert!(["left -> right -> left", "right -> left -> right"].iter().any(|ring| texts.contains(ring)), "{texts}");
}

#[test]
fn three_constructors_in_a_ring_are_named_at_once() {
    let three = stage(&[("left", Some("middle")), ("middle", Some("right")), ("right", Some("left"))], true);
    let texts = texts(ask(&three, &["left", "middle", "right"]));
    let rings = ["left -> middle -> right", "middle -> right -> left", "right -> left -> middle"];
    assert!(rings.iter().any(|ring| texts.contains(ring)), "{texts}");
}

#[test]
fn constructors_that_ask_for_each_other_on_one_thread_are_told_the_ring() {
    let two = stage(&[("left", Some("right")), ("right", Some("left"))], false);
    let error = two.rt.service_of::<dyn chain::Link>("left").unwrap_err();
    assert!(error.to_string().contains("left -> right -> left"), "{error}");
    let one = stage(&[("left", Some("left"))], false);
    let error = one.rt.service_of::<dyn chain::Link>("left").unwrap_err();
    assert!(error.to_string().contains("asks for itself"), "{error}");
}

#[test]
fn a_constructor_that_always_asks_for_another_instance_of_its_own_kind_is_refused() {
    let one = stage(&[("left", None)], false);
    let stage = STAGES.lock().unwrap().iter().position(|other| Arc::ptr_eq(other, &one)).unwrap() as u64;
    let orders = Orders { stage, asks: Some("left".to_owned()), own: true };
    let error = one.rt.reference_of::<dyn chain::Link>("left", &orders).unwrap_err();
    assert!(error.to_string().contains("nested 65 deep, the limit is 64"), "{error}");
    assert_eq!(one.rt.status().instances, 0);
    // The thread can construct instances as before.
    one.rt.service_of::<dyn chain::Link>("left").unwrap().pull();
}

#[test]
fn constructors_that_wait_in_a_row_are_not_taken_for_a_ring() {
    for round in 0..100 {
        let row = stage(&[("left", Some("middle")), ("middle", Some("right")), ("right", None)], round % 2 == 0);
        let answers = ask(&row, &["left", "middle", "right", "left", "middle", "right"]);
        answers.into_iter().for_each(|answer| answer.unwrap());
        let fork = stage(&[("left", Some("right")), ("middle", Some("right")), ("right", None)], round % 2 == 0);
        let answers = ask(&fork, &["left", "middle", "right", "middle", "left"]);
        answers.into_iter().for_each(|answer| answer.unwrap());
    }
}

/// Panics at every event of `lcr`.
struct Touchy;

impl tracing::Subscriber for Touchy {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        assert!(!event.metadata().target().starts_with("lcr"), "the subscriber panics");
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_subscriber_that_panics_ends_a_transaction_and_nothing_else() {
    in_a_process_of_its_own(|| {
        tracing::subscriber::set_global_default(Touchy).unwrap();
        let bank = Bank::open();
        let slow = ("branch 2.0.0", Moment::Create);
        thread::scope(|scope| {
            let (inside, entered) = mpsc::channel();
            let stay = |until: mpsc::Receiver<()>| {
                let (inside, vault) = (inside.clone(), &bank.vault);
                scope.spawn(move || {
                    vault.inside(&|| {
                        inside.send(()).unwrap();
                        let _ = until.recv();
                    });
                });
                entered.recv().unwrap();
            };
            let has_retired_worlds = || bank.rt.status().retired_worlds > 0;
            wait_until("the worlds of the beginning are freed", || !has_retired_worlds());
            let (first, until) = mpsc::channel();
            stay(until);
            let plan = bank.rt.plan().add(component("clock_v1")).replace(component("branch_v2"));
            let plan = plan.replace(component("vault_v2")).gate_wait(Duration::from_millis(300)).deadline(LONG);
            let change = scope.spawn(|| plan.commit());
            bank.script.wait_for(slow.0, slow.1);
            // A further branch is built while the transaction waits for the first guest, so that a second guest comes
            // in before the gate shuts. A branch that came before that would get its successor at once, and the
            // transaction would wait for the second guest instead.
            wait_until("the drain waits for the first guest", has_retired_worlds);
            bank.script.clear_transcript();
            bank.script.set(slow.0, slow.1, Misdeed::Hang);
            let branch: Handle<dyn Branch> = bank.rt.reference(&bank.script).unwrap();
            drop(first);
            bank.script.wait_for(slow.0, slow.1);
            let (second, until) = mpsc::channel();
            stay(until);
            bank.script.clear(slow.0, slow.1);
            // The gate shuts on the guest and opens again, which emits an event.
            let error = change.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Internal, "{error}");
            assert!(error.to_string().contains("the subscriber panics"), "{error}");
            assert!(!bank.rt.status().is_gate_shut);
            assert_eq!((bank.vault.add(1), bank.branch.versions(), branch.versions()), (1, (1, 1), (1, 1)));
            drop(second);
        });
        // A successful commit emits an event, too; the subscriber's panic does not undo the commit.
        bank.rt.replace(component("vault_v2")).unwrap();
        assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 1));
        // The reaper and its threads still run.
        bank.script.set("vault 2.0.0", Moment::Drop, Misdeed::Panic);
        bank.close();
    });
}

#[test]
fn a_subscriber_that_panics_at_what_a_dead_process_left_refuses_no_load() {
    in_a_process_of_its_own(|| {
        tracing::subscriber::set_global_default(Touchy).unwrap();
        let base = tempfile::tempdir().unwrap();
        let users = base.path().join(format!("lcr-{}", base.path().metadata().unwrap().uid()));
        let left = users.join("left");
        let mut directory = DirBuilder::new();
        directory.mode(0o700).create(&users).unwrap();
        directory.create(&left).unwrap();
        let rt = Runtime::builder().store(base.path()).build().unwrap();
        rt.load(component("clock_v1")).unwrap();
        assert!(!left.exists());
    });
}
