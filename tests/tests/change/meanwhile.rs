//! What a program may do while a transaction is under way: instances come and go, handles are made, and
//! each call reaches the right world.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

use lcr::{Context, Error, ErrorKind, Handle, PlanBuilder, Report, Runtime};
use lcr_tests::{
    GIVES_UP, LONG,
    bank::{Alarm, Bank, Branch as _, Clock, Teller, Vault},
    component, empty_runtime,
    script::{Misdeed, Moment, Script},
    wait_until,
};
use tempfile::TempDir;

/// Runs `meanwhile` while the component `who` holds a plan up by hanging at a moment.
fn during<'rt>(
    script: &Script,
    (who, moment): (&str, Moment),
    plan: PlanBuilder<'rt>,
    meanwhile: impl FnOnce(),
) -> Result<Report, Error> {
    script.clear_transcript();
    script.set(who, moment, Misdeed::Hang);
    let plan = plan.deadline(LONG).timeout(LONG).build();
    thread::scope(|scope| {
        let change = scope.spawn(|| plan.commit());
        wait_until("the plan is held up", || change.is_finished() || script.has_come(who, moment));
        meanwhile();
        script.clear(who, moment);
        change.join().unwrap()
    })
}

/// A runtime with a clock that follows a script.
fn clocks() -> (Runtime, Script, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    rt.configure("clock", &script).unwrap();
    (rt, script, directory)
}

const CONSTRUCTED: (&str, Moment) = ("clock 2.0.0", Moment::Create);

#[test]
fn an_instance_that_is_built_during_a_transaction_gets_a_successor_too() {
    let (rt, script, _directory) = clocks();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    let mut late = Vec::new();
    let report = during(&script, CONSTRUCTED, rt.plan().replace(component("clock_v2")), || {
        late.push(rt.reference::<dyn Clock>(&Script::default()).unwrap());
        assert_eq!((clock.version(), late[0].version()), (1, 1));
    });
    assert_eq!(report.unwrap().members[0].instances, 2);
    assert_eq!((clock.version(), late[0].version()), (2, 2));
}

#[test]
fn the_slot_of_an_instance_that_is_released_during_a_transaction_is_not_used_again_in_it() {
    let (rt, script, _directory) = clocks();
    rt.load(component("guard")).unwrap();
    let gone = rt.reference_of::<dyn Clock>("clock", &Script::default()).unwrap();
    let clock = rt.service_of::<dyn Clock>("clock").unwrap();
    let mut guards = Vec::new();
    // The first instance has its successor when the construction of the second successor hangs.
    let report = during(&script, CONSTRUCTED, rt.plan().replace(component("clock_v2")), || {
        drop(gone);
        wait_until("its slot is taken back", || rt.status().handles == 1);
        guards.extend((0..4).map(|_| rt.reference_of::<dyn Clock>("guard", &()).unwrap()));
    });
    report.unwrap();
    assert_eq!(clock.version(), 2);
    assert!(guards.iter().all(|guard| guard.version() == 7), "a guard was given the successor of a clock");
    drop((clock, guards));
    wait_until("all instances are destroyed", || rt.status().constructed == rt.status().destroyed);
}

#[test]
fn an_instance_that_is_released_during_its_hand_over_is_destroyed_with_its_successor() {
    let bank = Bank::open();
    let own: Handle<dyn Vault> = bank.rt.reference(&bank.script).unwrap();
    let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
    let report = during(&bank.script, ("teller 2.0.0", Moment::Restore), plan, || {
        let handles = bank.rt.status().handles;
        drop(own);
        wait_until("its slot is taken back", || bank.rt.status().handles == handles - 1);
    });
    report.unwrap();
    assert_eq!(bank.branch.versions(), (2, 2));
    wait_until("the released instance is destroyed", || bank.rt.status().instances == 3);
    bank.close();
}

#[test]
fn an_instance_that_comes_into_use_during_a_transaction_is_not_removed() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v3")).unwrap();
    let held_up = ("vault 2.0.0", Moment::Create);
    // The first plan removes the component, the second would take an interface from it.
    for plan in [bank.rt.plan().remove("clock"), bank.rt.plan().replace(component("clock_v1"))] {
        let plan = plan.replace(component("vault_v2")).discard_state("vault");
        let mut used = None;
        let error = during(&bank.script, held_up, plan, || used = Some(bank.rt.service::<dyn Alarm>().unwrap()));
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let text = "1 instance of component `clock 3.0.0` as bank.alarm v1 is in use; \
                    drop its handles, or replace the component by one that serves them";
        assert_eq!(error.to_string(), text);
        assert_eq!((used.unwrap().ring(), bank.vault.version()), (1, 1));
        wait_until("the alarm is released", || bank.rt.status().instances == 3);
    }
    let report = bank.rt.plan().remove("clock").commit().unwrap();
    assert_eq!(report.members[0].before.as_ref().unwrap().to_string(), "clock 3.0.0");
    let error = bank.rt.service::<dyn Alarm>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    bank.close();
}

#[test]
fn the_state_of_an_instance_that_is_built_during_a_transaction_is_not_lost() {
    let (rt, script, _directory) = clocks();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    rt.load(component("vault_v1")).unwrap();
    let mut vault = None;
    // No instance of the vault existed when this was planned.
    let plan = rt.plan().replace(component("clock_v2")).replace(component("vault_plain"));
    let error = during(&script, CONSTRUCTED, plan, || {
        let built: Handle<dyn Vault> = rt.service().unwrap();
        built.add(100);
        vault = Some(built);
    });
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("takes no state, and that of `vault 1.0.0` would be lost"), "{error}");
    assert_eq!((clock.version(), vault.unwrap().add(1)), (1, 101));
}

#[test]
fn a_handle_that_is_requested_during_a_hand_over_leads_to_the_successor() {
    let bank = Bank::open();
    thread::scope(|scope| {
        let mut asked = None;
        let plan = bank.rt.plan().replace(component("vault_v2"));
        let report = during(&bank.script, ("vault 2.0.0", Moment::Restore), plan, || {
            let bank = &bank;
            let own = scope.spawn(|| bank.rt.reference::<dyn Vault>(&bank.script).unwrap().version());
            let shared = scope.spawn(|| bank.rt.service::<dyn Vault>().unwrap().version());
            asked = Some([own, shared]);
        });
        report.unwrap();
        assert!(asked.unwrap().into_iter().all(|version| version.join().unwrap() == 2));
    });
    bank.close();
}

#[test]
fn a_thread_inside_a_member_gets_handles_on_members_without_waiting_for_itself() {
    let bank = Bank::open();
    let deadline = LONG;
    let (built, received) = mpsc::channel();
    thread::scope(|scope| {
        let (inside, entered) = mpsc::channel();
        let built = built.clone();
        let bank = &bank;
        let guest = scope.spawn(move || {
            bank.vault.inside(&|| {
                inside.send(()).unwrap();
                wait_until("the gate is shut", || bank.rt.status().is_gate_shut);
                let teller: Handle<dyn Teller> = bank.rt.service().unwrap();
                assert_eq!(teller.versions(), (1, 1));
                // An instance of a member that it builds belongs to the transaction, and is handed over.
                let own: Handle<dyn Vault> = bank.rt.reference(&bank.script).unwrap();
                assert_eq!((own.version(), own.add(7)), (1, 7));
                built.send(own).unwrap();
            });
        });
        entered.recv().unwrap();
        let begun = Instant::now();
        let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
        plan.deadline(deadline).gate_wait(deadline).commit().unwrap();
        assert!(begun.elapsed() < deadline);
        guest.join().unwrap();
    });
    let own = received.recv().unwrap();
    assert_eq!((own.version(), own.add(0)), (2, 7));
    drop(own);
    assert_eq!(bank.branch.versions(), (2, 2));
    bank.close();
}

/// Gives its caller a handle on the clock that it depends on, after a while.
#[lcr::interface(name = "meanwhile.lender", version = 1, deps(Clock))]
trait Lender {
    fn lend(&self, after: &dyn Fn()) -> Handle<dyn Clock>;
}

struct Owner(Handle<dyn Clock>);

impl Owner {
    fn new(context: &Context) -> Result<Owner, Error> {
        Ok(Owner(context.dependency()?))
    }
}

#[lcr::component(name = "owner", version = "1.0.0", create = Self::new)]
impl Lender for Owner {
    fn lend(&self, after: &dyn Fn()) -> Handle<dyn Clock> {
        after();
        self.0.clone()
    }
}

#[test]
fn a_handle_that_arrives_when_its_runtime_is_gone_is_a_panic_of_its_receiver() {
    let rt = Runtime::new().unwrap();
    rt.load(component("clock_v1")).unwrap();
    let lender: Handle<dyn Lender> = rt.service().unwrap();
    let ours: Handle<dyn Clock> = rt.service().unwrap();
    thread::scope(|scope| {
        let (inside, entered) = mpsc::channel();
        let (lender, ours, generation) = (&lender, &ours, rt.generation());
        let borrower = scope.spawn(move || {
            let lend = || {
                lender.lend(&|| {
                    let _ = inside.send(());
                    // The last world of a runtime has no instances.
                    wait_until("the runtime is gone", || Handle::generation(ours) != Some(generation));
                })
            };
            let panic = catch_unwind(AssertUnwindSafe(lend)).map(drop).unwrap_err();
            panic.downcast_ref::<String>().unwrap().clone()
        });
        entered.recv().unwrap();
        drop(rt);
        assert_eq!(borrower.join().unwrap(), "a handle on bank.clock v1 cannot be received: the runtime is gone");
    });
}

#[test]
fn a_configuration_that_is_set_during_a_transaction_holds_for_instances_that_are_constructed_after_it() {
    let (rt, script, _directory) = clocks();
    let other_directory = tempfile::tempdir().unwrap();
    let other = Script::new(other_directory.path());
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    let report = during(&script, CONSTRUCTED, rt.plan().replace(component("clock_v2")), || {
        rt.configure("clock", &other).unwrap();
    });
    report.unwrap();
    assert_eq!((clock.version(), other.transcript().len()), (2, 0));
    rt.replace(component("clock_v1")).unwrap();
    assert!(other.transcript()[0].starts_with("clock 1.0.0 create on "), "{:?}", other.transcript());
}

/// A component of this program that calls the runtime that it is in.
mod vain {
    use super::*;

    pub static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    pub static ASKS_FOR_ITSELF: AtomicBool = AtomicBool::new(true);

    #[lcr::interface(name = "endings.mirror", version = 1)]
    pub trait Mirror {
        fn look(&self) -> String;
    }

    pub struct Glass(Option<String>);

    impl Glass {
        fn new(_: &Context) -> Result<Glass, Error> {
            let rt = RUNTIME.get().expect("the runtime is there before its components");
            if ASKS_FOR_ITSELF.load(Ordering::Relaxed) {
                rt.service::<dyn Mirror>()?;
            }
            // A constructor may run a transaction like any other code.
            rt.load(component("clock_v1"))?;
            Ok(Glass(Some(rt.service::<dyn Clock>()?.version().to_string())))
        }
    }

    #[lcr::component(name = "mirror", version = "1.0.0", create = Self::new)]
    impl Mirror for Glass {
        fn look(&self) -> String {
            self.0.clone().unwrap_or_default()
        }
    }
}

#[test]
fn a_component_that_asks_for_itself_while_it_is_constructed_is_refused() {
    use vain::{ASKS_FOR_ITSELF, Mirror, RUNTIME};
    let rt = RUNTIME.get_or_init(|| Runtime::new().unwrap());
    let error = rt.service::<dyn Mirror>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Construct);
    assert_eq!(
        error.to_string(),
        "component `mirror 1.0.0` refused in its constructor: component `mirror` asks for itself while it is \
         being constructed; \
         take the dependency from the context"
    );
    ASKS_FOR_ITSELF.store(false, Ordering::Relaxed);
    assert_eq!(rt.service::<dyn Mirror>().unwrap().look(), "1");
}

#[test]
fn a_replacement_that_is_given_up_because_threads_behind_its_gate_built_instances_says_so() {
    let rt = empty_runtime();
    rt.plan().add(component("vault_v1")).add(component("teller_v1")).commit().unwrap();
    let vault: Handle<dyn Vault> = rt.service().unwrap();
    let timeout = GIVES_UP;
    let teller = thread::scope(|scope| {
        let (inside, entered) = mpsc::channel();
        let (rt, vault) = (&rt, &vault);
        let guest = scope.spawn(move || {
            let teller = OnceLock::new();
            vault.inside(&|| {
                inside.send(()).unwrap();
                wait_until("the gate is shut", || rt.status().is_gate_shut);
                let begun = Instant::now();
                let built: Handle<dyn Teller> = rt.reference(&Script::default()).unwrap();
                assert!(teller.set(built).is_ok());
                wait_until("the timeout is over", || begun.elapsed() > timeout);
            });
            teller.into_inner().unwrap()
        });
        entered.recv().unwrap();
        let plan = rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).timeout(timeout);
        let error = plan.gate_wait(None).deadline(None).commit().unwrap_err();
        assert_eq!((error.kind(), error.stragglers()), (ErrorKind::Deadline, &[][..]));
        assert_eq!(
            error.to_string(),
            format!(
                "threads inside components of the plan built a first instance of another one at each shut gate, and \
                 what its successor needs was not there, for the plan's timeout of {timeout:?}; the old version serves \
                 on, try again, or raise the timeout"
            )
        );
        guest.join().unwrap()
    });
    assert_eq!((teller.versions(), teller.deposit(1)), ((1, 1), 1));
    rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).commit().unwrap();
    assert_eq!((teller.versions(), teller.customers()), ((2, 2), 1));
}
