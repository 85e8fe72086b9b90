//! Calls between components that are replaced together: a call reaches the old instance until that is
//! saved, and the new one from then on, so nothing that a component is told is lost.

use std::{fs, time::Duration};

use lcr::{Error, ErrorKind, Handle, Report, Runtime};
use lcr_tests::{
    component, empty_runtime,
    office::{Archive, Desk, Ledger, Porter, Seal, Terms, Till},
    wait_until,
};

/// A runtime with these libraries.
fn office(libraries: &[&str]) -> Runtime {
    let rt = empty_runtime();
    let plan = libraries.iter().fold(rt.plan(), |plan, library| plan.add(component(library)));
    plan.commit().unwrap();
    rt
}

/// Replaces components by libraries, each for an epoch of its own, all in one plan.
fn replace(rt: &Runtime, steps: &[(&str, &str, Terms)]) -> Result<Report, Error> {
    for (name, _, terms) in steps {
        rt.configure(name, terms).unwrap();
    }
    steps.iter().fold(rt.plan(), |plan, (_, library, _)| plan.replace(component(library))).commit()
}

fn terms(epoch: u32) -> Terms {
    Terms { epoch, ..Terms::default() }
}

fn unfit(epoch: u32) -> Terms {
    Terms { epoch, unfit: true, ..Terms::default() }
}

/// Replaces a desk and its archive, and checks which of the lines that they write are kept.
fn a_desk_and_its_archive(rt: &Runtime, steps: impl Fn(Terms) -> Vec<(&'static str, &'static str, Terms)>) {
    let desk: Handle<dyn Desk> = rt.service().unwrap();
    let archive: Handle<dyn Archive> = rt.service().unwrap();
    desk.note("a".to_owned());
    replace(rt, &steps(terms(1))).unwrap();
    assert_eq!((desk.epoch(), archive.epoch()), (1, 1));
    let mut kept = vec!["a flushed by 0", "restored by 1", "checked by 1"];
    assert_eq!(archive.lines(), kept);

    // After a refusal the lines of the new instances are gone; the note that the old desk flushed is
    // kept.
    desk.note("b".to_owned());
    let error = replace(rt, &steps(unfit(2))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unhealthy, "{error}");
    assert_eq!((desk.epoch(), archive.epoch()), (1, 1));
    kept.push("b flushed by 1");
    assert_eq!(archive.lines(), kept);

    // The next replacement has its own lines after the old desk's note.
    desk.note("c".to_owned());
    replace(rt, &steps(terms(3))).unwrap();
    kept.extend(["c flushed by 1", "restored by 3", "checked by 3"]);
    assert_eq!(archive.lines(), kept);
    drop((desk, archive));
    wait_until("all instances are destroyed", || rt.status().constructed == rt.status().destroyed);
}

#[test]
fn calls_of_a_dependent_in_its_save_and_of_its_successor_in_its_restore_are_kept() {
    let rt = office(&["office_seal", "office_archive", "office_desk"]);
    a_desk_and_its_archive(&rt, |terms| {
        let archive = Terms { unfit: false, ..terms.clone() };
        vec![("desk", "office_desk", terms), ("archive", "office_archive", archive)]
    });
}

#[test]
fn calls_through_a_handle_that_is_made_while_the_state_moves_are_kept() {
    for unfit in [false, true] {
        let rt = office(&["office_seal", "office_archive", "office_desk"]);
        let desk: Handle<dyn Desk> = rt.service().unwrap();
        let archive: Handle<dyn Archive> = rt.service().unwrap();
        desk.note("a".to_owned());
        let steps = [
            ("archive", "office_archive", terms(1)),
            ("desk", "office_narrow", Terms { epoch: 1, unfit, ..Terms::default() }),
        ];
        let result = replace(&rt, &steps);
        assert_eq!(result.is_err(), unfit);
        let said = ["a flushed by 0", "restored by 1", "checked by 1"];
        if !unfit {
            // Another thread wrote this line through that handle as soon as the handle was made;
            // the call waited for the commit.
            wait_until("the other thread's line is kept", || archive.lines().iter().any(|line| line == "said aside"));
        }
        let lines = archive.lines();
        assert_eq!(lines[..if unfit { lines.len() } else { 3 }], said[..if unfit { 1 } else { 3 }]);
        // The handle serves on, or is gone with its owner.
        desk.note("b".to_owned());
        replace(&rt, &[("archive", "office_archive", terms(2)), ("desk", "office_desk", terms(2))]).unwrap();
        let saved = if unfit { "b flushed by 0" } else { "b flushed by 1" };
        assert_eq!(archive.lines()[if unfit { 1 } else { 4 }], saved);
        drop((desk, archive));
        wait_until("all instances are destroyed", || rt.status().constructed == rt.status().destroyed);
        assert_eq!(rt.status().handles, 0);
    }
}

#[test]
fn instances_of_one_component_may_depend_on_each_other_in_a_hand_over() {
    let rt = office(&["office_seal", "office_whole"]);
    let desk: Handle<dyn Desk> = rt.service().unwrap();
    let archive: Handle<dyn Archive> = rt.service().unwrap();
    desk.note("a".to_owned());
    replace(&rt, &[("office", "office_whole", terms(1))]).unwrap();
    assert_eq!((desk.epoch(), archive.epoch()), (1, 1));
    let mut kept = vec!["a flushed by 0", "restored by 1", "checked by 1"];
    assert_eq!(archive.lines(), kept);
    desk.note("b".to_owned());
    let error = replace(&rt, &[("office", "office_whole", unfit(2))]).unwrap_err();
    // The archive is restored first, so its refusal is the error.
    assert!(error.to_string().ends_with("files of epoch 2 are unfit"), "{error}");
    kept.push("b flushed by 1");
    assert_eq!((archive.lines(), archive.epoch()), (kept.iter().map(|&line| line.to_owned()).collect(), 1));
}

#[test]
fn two_components_may_depend_on_each_other_crosswise_in_a_hand_over() {
    for names in [["east", "west"], ["west", "east"]] {
        let rt = office(&["office_seal", "office_east", "office_west"]);
        let (desk, till): (Handle<dyn Desk>, Handle<dyn Till>) = (rt.service().unwrap(), rt.service().unwrap());
        let (archive, ledger): (Handle<dyn Archive>, Handle<dyn Ledger>) =
            (rt.service().unwrap(), rt.service().unwrap());
        desk.note("a".to_owned());
        till.note("b".to_owned());
        let steps = names.map(|name| {
            let library = if name == "east" { "office_east" } else { "office_west" };
            (name, library, terms(1))
        });
        replace(&rt, &steps).unwrap();
        assert_eq!(archive.lines(), ["a flushed by 0", "restored by 1", "checked by 1"]);
        assert_eq!(ledger.lines(), ["b flushed by 0", "restored by 1", "checked by 1"]);
    }
}

#[test]
fn a_successor_talks_to_the_successors_of_what_has_no_state() {
    let rt = office(&["office_seal", "office_archive", "office_desk", "office_porter"]);
    let (seal, porter): (Handle<dyn Seal>, Handle<dyn Porter>) = (rt.service().unwrap(), rt.service().unwrap());
    let (archive, desk): (Handle<dyn Archive>, Handle<dyn Desk>) = (rt.service().unwrap(), rt.service().unwrap());
    let mut old = vec!["porter 0, says archive 0", "porter 0"];
    assert_eq!((seal.stamped(), porter.seal()), (old.iter().map(|&what| what.to_owned()).collect(), 0));
    let steps = |desk| {
        [
            ("porter", "office_porter", terms(1)),
            ("desk", "office_desk", desk),
            ("archive", "office_archive", terms(1)),
            ("seal", "office_seal", terms(1)),
        ]
    };

    // The hand-over is refused at its very end. The old seal has only the calls of the old archive: that
    // it was saved, and that the new porter reported to it, as any caller may.
    replace(&rt, &steps(unfit(1))).unwrap_err();
    assert_eq!((porter.seal(), archive.epoch(), desk.epoch()), (0, 0, 0));
    old.extend(["porter 1, says archive 0", "saved, says archive 0"]);
    assert_eq!(seal.stamped(), old);
    assert_eq!(archive.lines(), ["porter 0", "porter 1"]);

    desk.note("a".to_owned());
    replace(&rt, &steps(terms(1))).unwrap();
    assert_eq!((porter.seal(), archive.epoch(), desk.epoch()), (1, 1, 1));
    assert_eq!(
        archive.lines(),
        ["porter 0", "porter 1", "porter 1", "a flushed by 0", "restored by 1", "checked by 1"]
    );
    // The new seal has the calls of the new instances, and none of the old ones.
    assert_eq!(seal.stamped(), ["porter 1", "restored by 1, says archive 1", "checked by 1, says archive 1"]);
}

#[test]
fn a_call_into_an_instance_that_was_saved_is_a_fault_and_refuses_the_change() {
    let rt = office(&["office_seal", "office_archive", "office_desk"]);
    let desk: Handle<dyn Desk> = rt.service().unwrap();
    let archive: Handle<dyn Archive> = rt.service().unwrap();
    desk.note("a".to_owned());
    // The desk depends on the archive and is saved before it, so it could not keep the note.
    archive.report_to(desk.clone());
    let steps = [("archive", "office_archive", terms(1)), ("desk", "office_desk", terms(1))];
    let error = replace(&rt, &steps).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert_eq!(
        error.to_string(),
        "component `archive 1.0.0` panicked in its save: office.desk.note was not called: its state was saved and \
         not restored yet, so the call would be lost; while state moves, call only what deps(..) declares"
    );
    assert_eq!((desk.epoch(), archive.epoch()), (0, 0));
    assert_eq!(archive.lines(), ["a flushed by 0"]);
    // They can be replaced one after the other: then no instance is called whose state has moved.
    replace(&rt, &steps[..1]).unwrap();
    replace(&rt, &steps[1..]).unwrap();
    assert_eq!(archive.lines(), ["a flushed by 0", "saved flushed by 0", "restored by 1", "checked by 1"]);
}

#[test]
fn a_call_that_hangs_in_a_successor_when_the_change_is_given_up_changes_nothing_and_holds_up_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let hang = directory.path().join("hang");
    fs::write(&hang, "").unwrap();
    let rt = office(&["office_seal", "office_archive", "office_desk"]);
    let desk: Handle<dyn Desk> = rt.service().unwrap();
    let archive: Handle<dyn Archive> = rt.service().unwrap();
    desk.note("a".to_owned());
    // The restore of the new desk hangs inside of the new archive.
    rt.configure("archive", &Terms { epoch: 1, hang: Some(hang.clone()), ..Terms::default() }).unwrap();
    rt.configure("desk", &terms(1)).unwrap();
    let plan = rt.plan().replace(component("office_archive")).replace(component("office_desk"));
    let error = plan.deadline(Duration::from_millis(200)).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    assert_eq!((desk.epoch(), archive.epoch()), (0, 0));
    assert_eq!(archive.lines(), ["a flushed by 0"]);

    // It still hangs while the next successors take their places.
    desk.note("b".to_owned());
    replace(&rt, &[("archive", "office_archive", terms(2)), ("desk", "office_desk", terms(2))]).unwrap();
    let kept = ["a flushed by 0", "b flushed by 0", "restored by 2", "checked by 2"];
    assert_eq!((desk.epoch(), archive.lines()), (2, kept.iter().map(|&line| line.to_owned()).collect()));

    // When it returns, the instances of its transaction are destroyed; the seal, the desk and the archive
    // stay.
    fs::remove_file(&hang).unwrap();
    wait_until("what it made is destroyed", || rt.status().constructed == rt.status().destroyed + 3);
    assert_eq!(archive.lines(), kept);
    assert_eq!(rt.status().constructed, 7);
}

#[test]
fn a_dependency_that_a_successor_is_the_first_to_need_is_handed_over_too() {
    let rt = office(&["office_seal", "office_archive", "office_desk", "office_ledger"]);
    let desk: Handle<dyn Desk> = rt.service().unwrap();
    // No instance of the ledger exists. The transaction builds an old one for the new desk, and replaces it.
    let steps = [("desk", "office_twofold", terms(1)), ("ledger", "office_ledger", terms(1))];
    let report = replace(&rt, &steps).unwrap();
    assert_eq!(report.members.iter().map(|member| member.instances).collect::<Vec<_>>(), [1, 1], "{report}");
    let ledger: Handle<dyn Ledger> = rt.service().unwrap();
    assert_eq!((desk.epoch(), ledger.lines()), (1, vec!["restored by 1".to_owned(), "checked by 1".to_owned()]));
    drop((desk, ledger));
    wait_until("all instances are destroyed", || rt.status().constructed == rt.status().destroyed);
}
