//! What components need of each other, and of the program that configures them.

use std::{error::Error as _, sync::Barrier, thread};

use lcr::{Context, Error, ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Bank, Branch, Clock, Teller, Vault},
    component, empty_runtime,
    script::{Misdeed, Moment, Role, Script},
    wait_until,
};

/// Components that are linked into this test: a pot of tea, and two birds.
mod linked {
    use super::*;

    #[lcr::interface(name = "tea.water", version = 1)]
    pub trait Water {
        fn litres(&self) -> u32;
    }

    #[lcr::interface(name = "tea.leaves", version = 1)]
    pub trait Leaves {
        fn name(&self) -> String;
    }

    #[lcr::interface(name = "tea.pot", version = 1, deps(Water))]
    pub trait Pot {
        fn pour(&self) -> String;
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Recipe {
        pub script: Script,
        pub litres: u32,
    }

    pub struct Kettle(Role, u32);
    impl Kettle {
        fn fill(context: &Context) -> Result<Kettle, lcr::BoxError> {
            let Recipe { script, litres } = context.config()?;
            Ok(Kettle(Role::begin("kettle".to_owned(), script, Moment::Create)?, litres))
        }
    }
    #[lcr::component(name = "kettle", version = "1.0.0", create = Self::fill)]
    impl Water for Kettle {
        fn litres(&self) -> u32 {
            let _ = &self.0;
            self.1
        }
    }

    pub struct Tin(Role);
    impl Tin {
        fn open(context: &Context) -> Result<Tin, lcr::BoxError> {
            Ok(Tin(Role::begin("tin".to_owned(), context.config()?, Moment::Create)?))
        }
    }
    #[lcr::component(name = "tin", version = "1.0.0", create = Self::open)]
    impl Leaves for Tin {
        fn name(&self) -> String {
            let _ = &self.0;
            "assam".to_owned()
        }
    }

    pub struct China(Role, Handle<dyn Leaves>, Handle<dyn Water>);
    impl China {
        fn brew(context: &Context) -> Result<China, lcr::BoxError> {
            assert!(context.dependency::<dyn Hen>().is_err_and(|error| {
                error.kind() == ErrorKind::Dependency
                    && error.to_string()
                        == "birds.hen is not declared as a dependency; add it to deps(..) of the component or \
                        its interface"
            }));
            let role = Role::begin(context.component().to_owned(), context.config()?, Moment::Create)?;
            Ok(China(role, context.dependency()?, context.dependency()?))
        }
    }
    // The leaves belong to this instance; the water is shared.
    #[lcr::component(name = "china", version = "1.0.0", create = Self::brew, deps(Leaves))]
    impl Pot for China {
        fn pour(&self) -> String {
            let _ = &self.0;
            format!("{} l of {}", self.2.litres(), self.1.name())
        }
    }

    #[lcr::interface(name = "birds.hen", version = 1, deps(Egg))]
    pub trait Hen {
        fn lay(&self);
    }
    #[lcr::interface(name = "birds.egg", version = 1, deps(Hen))]
    pub trait Egg {
        fn hatch(&self);
    }
    #[derive(Default)]
    pub struct Bird;
    #[lcr::component(name = "hen", version = "1.0.0")]
    impl Hen for Bird {
        fn lay(&self) {}
    }
    #[lcr::component(name = "egg", version = "1.0.0")]
    impl Egg for Bird {
        fn hatch(&self) {}
    }
}
use linked::{Egg, Hen, Pot, Recipe, Water};

fn assert_refused<T>(result: Result<T, Error>, kind: ErrorKind, text: &str) {
    let error = result.err().expect("the request is refused");
    assert_eq!((error.kind(), &*error.to_string()), (kind, text));
}

#[test]
fn dependencies_are_built_first_in_the_order_of_their_declaration() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = Runtime::new().unwrap();
    rt.configure("kettle", &Recipe { script: script.clone(), litres: 2 }).unwrap();
    rt.configure("tin", &script).unwrap();
    rt.configure("china", &script).unwrap();
    let pot: Handle<dyn Pot> = rt.service().unwrap();
    assert_eq!(pot.pour(), "2 l of assam");
    let order =
        || script.transcript().iter().map(|line| line.split(" on ").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(order(), ["kettle create", "tin create", "china create"]);
    script.clear_transcript();
    drop(pot);
    wait_until("pot and ingredients are destroyed", || order().len() == 3);
    assert_eq!(order()[0], "china drop");
}

#[test]
fn a_cycle_of_dependencies_is_refused_by_naming_it() {
    let rt = Runtime::new().unwrap();
    let text = "components depend on each other in a cycle: hen -> egg -> hen; break it at one of them";
    assert_refused(rt.service::<dyn Hen>(), ErrorKind::Dependency, text);
    let text = "components depend on each other in a cycle: egg -> hen -> egg; break it at one of them";
    assert_refused(rt.service::<dyn Egg>(), ErrorKind::Dependency, text);
    let text = "component `egg 1.0.0` needs birds.hen v1: components depend on each other in a cycle: hen -> \
                egg -> hen; \
                break it at one of them";
    assert_refused(rt.reference::<dyn Egg>(&()), ErrorKind::Dependency, text);
    assert_eq!(rt.status().constructed, 0);

    let bank = Bank::open();
    let plan = bank.rt.plan().replace(component("vault_greedy")).discard_state("vault");
    let error = plan.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dependency);
    let text = error.to_string();
    let cycle = text.strip_prefix("components would depend on each other in a cycle: ").expect(&text);
    let cycle = cycle.strip_suffix("; break it at one of them").expect(&text);
    assert_eq!(cycle, "vault -> branch -> teller -> vault");
    assert_eq!(bank.vault.version(), 1);
    bank.close();
}

#[test]
fn a_plan_that_leaves_any_component_without_a_dependency_is_refused() {
    let rt = empty_runtime();
    let text = |who: &str, what: &str| {
        format!("component `{who}` needs {what} v1, which nothing would provide; add a component that does to the plan")
    };
    assert_refused(rt.load(component("teller_v1")), ErrorKind::Dependency, &text("teller 1.0.0", "bank.vault"));
    // One plan may add them in any order.
    rt.plan().add(component("branch_v1")).add(component("teller_v1")).add(component("vault_v1")).commit().unwrap();
    assert_refused(rt.replace(component("branch_v2")), ErrorKind::Dependency, &text("branch 2.0.0", "bank.clock"));
    assert_refused(rt.plan().remove("teller").commit(), ErrorKind::Dependency, &text("branch 1.0.0", "bank.teller"));
    let report = rt.plan().remove("vault").remove("branch").remove("teller").commit().unwrap();
    assert_eq!(report.to_string().split("; ").next().unwrap().matches("- ").count(), 3, "{report}");
    assert!(rt.status().components.iter().all(|component| !component.interface.starts_with("bank.")));
}

#[test]
fn a_dependency_that_cannot_be_built_is_named_with_its_reason() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.plan().add(component("branch_v1")).add(component("teller_v1")).add(component("vault_v1")).commit().unwrap();
    rt.configure("vault", &script).unwrap();
    for misdeed in [Misdeed::Error, Misdeed::Panic] {
        script.set("vault 1.0.0", Moment::Create, misdeed);
        let error = rt.service::<dyn Branch>().unwrap_err();
        let verb = if misdeed == Misdeed::Error { "refused" } else { "panicked" };
        assert_eq!(error.kind(), ErrorKind::Construct);
        assert_eq!(
            error.to_string(),
            format!(
                "component `branch 1.0.0` needs bank.teller v1: component `teller 1.0.0` needs bank.vault v1: \
                 component `vault 1.0.0` {verb} in its constructor: as the script says"
            )
        );
        assert!(error.source().is_none(), "the text already says the source: {error:?}");
    }
    assert_eq!(rt.status().instances, 0);
    // Instances that were built for a constructor that fails are destroyed.
    script.clear("vault 1.0.0", Moment::Create);
    rt.configure("branch", &script).unwrap();
    script.set("branch 1.0.0", Moment::Create, Misdeed::Error);
    rt.service::<dyn Branch>().unwrap_err();
    wait_until("vault and teller are destroyed", || rt.status().destroyed == 2 && rt.status().instances == 0);
    script.clear("branch 1.0.0", Moment::Create);
    assert_eq!(rt.service::<dyn Branch>().unwrap().deposit(1), 1);
}

#[test]
fn a_lookup_that_several_components_could_serve_must_name_one() {
    let rt = empty_runtime();
    rt.plan().add(component("clock_v1")).add(component("guard")).commit().unwrap();
    let text = "interface bank.clock v1 is provided by `clock 1.0.0`, `guard 7.0.0`; name the one you mean \
                (service_of, reference_of), or bind it for all callers: bind::<dyn ..>(\"component\") of the \
                runtime's builder or of a plan";
    assert_refused(rt.service::<dyn Clock>(), ErrorKind::Ambiguous, text);
    assert_refused(rt.reference::<dyn Clock>(&()), ErrorKind::Ambiguous, text);
    let (clock, guard) = (rt.service_of::<dyn Clock>("clock").unwrap(), rt.service_of::<dyn Clock>("guard").unwrap());
    assert_eq!((clock.version(), guard.version()), (1, 7));
    assert_eq!(rt.reference_of::<dyn Clock>("guard", &()).unwrap().version(), 7);
    assert_refused(
        rt.service_of::<dyn Clock>("sundial"),
        ErrorKind::NotFound,
        "interface bank.clock v1 of component `sundial` is not present: `clock 1.0.0` provides v1, `guard \
         7.0.0` provides v1; \
         load a component that provides it",
    );
    assert_refused(
        rt.service::<dyn Vault>(),
        ErrorKind::NotFound,
        "interface bank.vault v1 is not present: nothing provides it; load a component that provides it, or, if \
         it is in a crate \
         that the program depends on, link that in: `use the_crate as _;`",
    );
}

#[test]
fn a_lookup_by_name_follows_what_is_present() {
    let rt = empty_runtime();
    let found = |name: &str| -> Result<u32, ErrorKind> {
        // The second look-up takes the short cut, if there is one.
        let first = rt.service_of::<dyn Clock>(name).map_err(|error| error.kind());
        let held = [first, rt.service_of::<dyn Clock>(name).map_err(|error| error.kind())];
        let [first, second] = held.map(|clock| clock.map(|clock| clock.version()));
        assert_eq!(first, second);
        first
    };
    let clocks = || ["clock", "guard", "sundial"].map(found);
    let absent = Err(ErrorKind::NotFound);
    assert_eq!(clocks(), [absent; 3]);
    rt.plan().add(component("clock_v1")).add(component("guard")).commit().unwrap();
    assert_eq!(clocks(), [Ok(1), Ok(7), absent]);
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!(clocks(), [Ok(2), Ok(7), absent]);
    // A replacement gives the clock's place to a component of another name.
    rt.plan().replace_component("clock", component("clock_other")).commit().unwrap();
    assert_eq!(clocks(), [absent, Ok(7), Ok(5)]);
    rt.plan().remove("sundial").add(component("clock_v1")).commit().unwrap();
    assert_eq!(clocks(), [Ok(1), Ok(7), absent]);
    // A name that has a short cut for one interface must not serve another interface.
    assert_eq!(rt.service_of::<dyn Vault>("clock").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_instance_is_unused_as_soon_as_its_last_handle_is_dropped() {
    let rt = empty_runtime();
    for _ in 0..200 {
        rt.load(component("clock_v1")).unwrap();
        let clock = rt.service::<dyn Clock>().unwrap();
        assert_eq!(clock.version(), 1);
        drop(clock);
        rt.plan().remove("clock").commit().unwrap();
    }
}

#[test]
fn a_second_provider_of_what_a_component_needs_is_refused() {
    let bank = Bank::open();
    let plan = || bank.rt.plan().add(component("clock_v1")).replace(component("branch_v2"));
    let text = "component `branch 2.0.0` needs bank.clock v1, which `clock 1.0.0` and `guard 7.0.0` would provide; \
                leave all but one out, or name the one you mean: plan.bind::<dyn ..>(\"component\")";
    assert_refused(plan().add(component("guard")).commit(), ErrorKind::Ambiguous, text);
    plan().commit().unwrap();
    assert_refused(bank.rt.load(component("guard")), ErrorKind::Ambiguous, text);
    bank.rt.plan().replace_component("clock", component("guard")).commit().unwrap();
    assert_eq!(bank.branch.versions(), (1, 1));
    bank.close();
}

#[test]
fn a_reference_is_an_instance_of_its_own_with_a_context_of_its_own() {
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let scripts = directories.each_ref().map(Script::new);
    let rt = empty_runtime();
    rt.plan().add(component("vault_v1")).add(component("teller_v1")).commit().unwrap();
    let [a, b] = scripts.each_ref().map(|script| rt.reference::<dyn Teller>(script).unwrap());
    assert_eq!((a.deposit(1), b.deposit(2), a.deposit(3)), (1, 3, 6), "both tellers share the vault");
    assert_eq!((a.customers(), b.customers(), rt.status().instances), (2, 1, 3));
    // The successor gets the same context.
    rt.plan().replace(component("teller_v2")).discard_state("teller").commit().unwrap();
    assert_eq!((a.versions(), a.customers()), ((2, 1), 0));
    for script in &scripts {
        assert!(
            script.transcript().iter().any(|line| line.starts_with("teller 2.0.0 create ")),
            "{:?}",
            script.transcript()
        );
    }
    let another = a.clone();
    drop(a);
    assert_eq!(another.deposit(0), 6);
    drop((another, b));
    wait_until("tellers and vault are destroyed", || rt.status().destroyed == 5 && rt.status().instances == 0);
}

#[test]
fn a_configuration_that_does_not_fit_is_refused_with_its_type() {
    let rt = Runtime::new().unwrap();
    let refused = |text: &str| {
        let error = rt.service::<dyn Water>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Construct);
        assert!(
            error.to_string().starts_with(&format!("component `kettle 1.0.0` refused in its constructor: {text}")),
            "{error}"
        );
    };
    refused("component `kettle` was given no configuration; give one with Runtime::configure or Runtime::reference");
    rt.configure("kettle", "two litres").unwrap();
    refused("the configuration of component `kettle` is not a change::dependencies::linked::Recipe: ");
    rt.configure("kettle", &Recipe { script: Script::default(), litres: 2 }).unwrap();
    assert_eq!(rt.service::<dyn Water>().unwrap().litres(), 2);
    let error = rt.configure("samovar", &()).unwrap_err();
    assert_eq!(
        (error.kind(), &*error.to_string()),
        (ErrorKind::NotFound, "component `samovar` is not present; load it first")
    );
}

#[test]
fn threads_that_ask_for_a_service_at_once_get_one_instance() {
    let rt = empty_runtime();
    rt.plan().add(component("vault_v1")).add(component("teller_v1")).commit().unwrap();
    let together = Barrier::new(8);
    let ask = |n: u64| {
        together.wait();
        let teller: Handle<dyn Teller> = rt.service().unwrap();
        let vault: Handle<dyn Vault> = rt.service().unwrap();
        let sum = if n.is_multiple_of(2) { vault.add(1) } else { teller.deposit(1) };
        // No thread drops its handle before all have theirs.
        together.wait();
        sum
    };
    let mut sums: Vec<u64> = thread::scope(|scope| {
        let ask = &ask;
        let threads: Vec<_> = (0..8).map(|n| scope.spawn(move || ask(n))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    sums.sort_unstable();
    assert_eq!(sums, (1..=8).collect::<Vec<_>>());
    assert_eq!(rt.status().constructed, 2);
}

#[test]
fn a_dependency_is_met_by_components_that_the_plan_adds_and_not_by_those_that_it_removes() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let plan = bank.rt.plan().remove("clock").add(component("guard"));
    plan.replace(component("branch_v2")).commit().unwrap();
    let clock: Handle<dyn Clock> = bank.rt.service().unwrap();
    assert_eq!((clock.version(), bank.branch.versions()), (7, (1, 1)));
    drop(clock);
    bank.close();
}

/// CASES C10: the error said "name the one you mean", and no call could name it.
#[test]
fn a_dependency_that_several_components_provide_is_met_by_the_bound_one() {
    let bank = Bank::open();
    let plan = || bank.rt.plan().add(component("clock_v1")).add(component("guard")).replace(component("branch_v2"));
    let refused = plan().bind::<dyn Clock>("sundial").commit().unwrap_err();
    assert!(refused.to_string().contains("cannot be bound to component `sundial`"), "{refused}");
    assert_eq!(plan().commit().unwrap_err().kind(), ErrorKind::Ambiguous, "a refused plan binds nothing");
    let plan = plan().bind::<dyn Clock>("guard").build();
    assert!(plan.to_string().contains("bank.clock is bound to `guard`"), "{plan}");
    plan.commit().unwrap();
    assert_eq!(bank.rt.service::<dyn Clock>().unwrap().version(), 7);
    // A plan may consist of a binding alone, which holds for instances that are built from then on.
    bank.rt.plan().bind::<dyn Clock>("clock").override_protected().commit().unwrap();
    assert_eq!(bank.rt.service::<dyn Clock>().unwrap().version(), 1);
    // A look-up by name does not follow the binding.
    assert_eq!(bank.rt.service_of::<dyn Clock>("guard").unwrap().version(), 7);
    bank.close();
}

#[test]
fn providers_may_be_bound_before_a_runtime_loads_anything() {
    let rt = Runtime::builder().bind::<dyn Clock>("guard").build().unwrap();
    rt.load(component("clock_v1")).unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 1, "there is only one provider");
    rt.load(component("guard")).unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 7);
}
