//! Plans as data: what a description has, how it is written, and what it says of this moment.

use std::{sync::mpsc, thread, time::Duration};

use lcr::{
    Back, Trial,
    plan::{HoldCause, PlanDescription, StateDescription},
};
use lcr_tests::{
    bank::{Bank, Clock, Teller as _},
    component, empty_runtime, names,
    script::Script,
    wait_until,
};

#[test]
fn a_description_has_components_hashes_states_dependents_and_the_expected_hold() {
    let bank = Bank::open();
    let before = bank.rt.status().components.iter().find(|component| component.id.name == "vault").unwrap().hash;
    let plan = bank.rt.plan().replace(component("vault_v2")).reason("the sums are wrong").build();
    let description = plan.describe();
    assert_eq!(description.generation, bank.rt.generation());
    assert_eq!(description.reason.as_deref(), Some("the sums are wrong"));
    assert!(!description.is_refused() && description.inside.is_empty(), "{description}");
    assert_eq!(description.hold.by, HoldCause::WholeStates);
    assert_eq!((description.hold.about, description.hold.at_most), (None, Some(Duration::from_secs(1))));
    let [member] = &description.members[..] else { panic!("{description}") };
    assert_eq!(member.before.as_ref().unwrap().to_string(), "vault 1.0.0");
    assert_eq!(member.after.as_ref().unwrap().to_string(), "vault 2.0.0");
    assert!(member.hash_before == before && member.hash_after.is_some() && member.hash_after != before);
    assert_eq!(member.dependents.iter().map(ToString::to_string).collect::<Vec<_>>(), ["teller 1.0.0"]);
    assert!(!member.protected && member.file_bytes.unwrap() > 1_000);
    let [interface] = &member.interfaces[..] else { panic!("{member}") };
    assert!(matches!(interface.state, StateDescription::Copied { from: 1, to: 2, .. }) && interface.holds_callers);
    assert_eq!((interface.instances, interface.version_before, interface.version_after), (1, Some(1), Some(1)));
    drop(plan);
    bank.close();
}

#[test]
fn a_plan_prints_what_its_description_does_and_a_document_is_read_back_as_it_was_written() {
    let bank = Bank::open();
    let plans = [
        bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).gate_wait(None).build(),
        bank.rt.plan().replace(component("vault_v1")).discard_state("vault").deadline(None).build(),
        bank.rt.plan().add(component("clock_v3")).add("nowhere.so").remove("branch").build(),
        bank.rt.plan().replace(component("vault_plain")).reason("\"quotes\"\nand lines").build(),
    ];
    for plan in plans {
        let description = plan.describe();
        assert_eq!(description.to_string(), plan.to_string(), "the signatures are alike, and nobody is inside");
        assert_eq!(description.refusals.len(), plan.refusals().count());
        let text = serde_json::to_string(&description).unwrap();
        let read: PlanDescription = serde_json::from_str(&text).unwrap();
        assert_eq!(read, description, "{text}");
        assert_eq!(read.to_string(), description.to_string());
    }
    bank.close();
}

#[test]
fn a_rollback_says_which_bindings_and_configurations_it_takes_back() {
    let rt = empty_runtime();
    rt.plan().add(component("clock_v1")).commit().unwrap();
    let plan = rt.plan().bind::<dyn Clock>("clock").configure("clock", &Script::default()).unwrap();
    plan.commit().unwrap();
    let rules = Trial::for_time(Duration::from_secs(60)).faults_allowed(2).check(|| Ok(()));
    let plan = rt.plan().rollback(Back::Steps(1)).trial(rules).build();
    let description = plan.describe();
    assert_eq!((&description.unbound, &description.unconfigured), (&vec!["bank.clock".into()], &vec!["clock".into()]));
    let text = plan.to_string();
    let lines =
        ["bank.clock is bound to no component", "`clock` is configured no more", "on trial for 60s, 2 faults allowed"];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
    let document = serde_json::to_value(&description).unwrap();
    assert_eq!((&document["unbound"][0], &document["unconfigured"][0]), (&"bank.clock".into(), &"clock".into()));
    assert_eq!(document["trial"], serde_json::json!({ "time_us": 60_000_000, "faults_allowed": 2, "has_check": true }));
    assert_eq!(serde_json::from_value::<PlanDescription>(document).unwrap(), description);
    drop(plan);
    rt.rollback(Back::Steps(1)).unwrap();
    let again = rt.plan().rollback(Back::Steps(1)).build().describe();
    assert_eq!(again.bindings.get("bank.clock").map(String::as_str), Some("clock"), "{again}");
}

#[test]
fn a_description_names_the_calls_and_pins_that_are_inside() {
    let bank = Bank::open();
    let (go_on, waits) = mpsc::channel::<()>();
    let teller = bank.teller.clone();
    let inside = thread::Builder::new().name("customer".to_owned());
    let stays = move || {
        let _ = waits.recv();
    };
    let inside = inside.spawn(move || teller.inside(&stays)).unwrap();
    let plan = bank.rt.plan().replace(component("teller_v2")).build();
    wait_until("the call is seen", || !plan.describe().inside.is_empty());
    let description = plan.describe();
    let [straggler] = &description.inside[..] else { panic!("{description}") };
    assert_eq!(names(straggler), ["customer", "teller 1.0.0", "bank.teller.inside"]);
    assert!(description.to_string().contains("  inside: thread `customer`"), "{description}");
    // The vault is not what it is inside of.
    assert_eq!(bank.rt.plan().replace(component("clock_v1")).build().describe().inside, []);
    go_on.send(()).unwrap();
    inside.join().unwrap();
    let pin = bank.rt.pin().unwrap();
    assert!(plan.describe().to_string().contains(" holds a pin on generation "), "{}", plan.describe());
    drop((pin, plan));
    bank.close();
}

#[test]
fn a_description_says_how_signatures_differ_and_a_plan_does_without() {
    let rt = empty_runtime();
    rt.load(component("rail_track_1_gauge_1000")).unwrap();
    let differences = |file: &str| {
        let plan = rt.plan().replace(component(file)).build();
        assert_eq!(plan.refusals().count(), 0, "{plan}");
        let description = plan.describe();
        let differences = description.members[0].interfaces[0].differences.clone();
        assert!(differences.iter().all(|line| description.to_string().contains(line)), "{description}");
        assert!(!differences.iter().any(|line| plan.to_string().contains(line)), "{plan}");
        differences
    };
    assert_eq!(
        differences("rail_track_2_gauge_1520"),
        [
            "version 1 becomes 2",
            "callers of v1 are not served; declare replaces(1) on the interface",
            "+ fn width(&self) -> u32"
        ]
    );
    let served = differences("rail_track_2_replaces_1");
    assert!(served[0] == "version 1 becomes 2" && !served.iter().any(|line| line.contains("not served")), "{served:?}");
    assert_eq!(differences("rail_track_1_of_another_signature"), ["! gauge: result: expected u32, found u64"]);
}

/// The text of a description is that of an operator's list: it must not grow with the number of callers.
#[test]
fn a_description_of_a_removal_and_of_an_addition_names_what_goes_and_comes() {
    let rt = empty_runtime();
    rt.load(component("clock_v3")).unwrap();
    let removal = rt.plan().remove("clock").build().describe();
    let [member] = &removal.members[..] else { panic!("{removal}") };
    assert_eq!((member.after.is_none(), member.hash_before.is_some(), member.hash_after), (true, true, None));
    assert_eq!(member.interfaces.iter().filter(|interface| interface.version_after.is_none()).count(), 2);
    assert_eq!(removal.hold.by, HoldCause::Nothing);
    assert!(removal.to_string().contains("     bank.alarm v1: gone\n"), "{removal}");
}
