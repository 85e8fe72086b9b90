//! Builds that are refused, and what is left to ask about them.

use std::fs;

use crate::{harness::component, server::Place};

#[test]
fn a_good_build_after_ten_bad_ones_serves_and_why_tells_each_refusal() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let whole = fs::read(component("till_2")).unwrap();
    let file = place.path().join("build.so");
    let path = file.to_str().unwrap();
    for build in 0..10_usize {
        // Missing, no library, cut somewhere, and one that does not fit, in turn.
        drop(fs::remove_file(&file));
        match build % 4 {
            0 => {}
            1 => fs::write(&file, "no library").unwrap(),
            2 => fs::write(&file, &whole[..whole.len() * build / 10]).unwrap(),
            _ => drop(fs::copy(component("till_other"), &file).unwrap()),
        }
        let reason = format!("build {build}");
        place.run(["replace", path, "--reason", &reason]).with_any().complains("build.so");
        assert_eq!(server.tell("title"), "till", "{reason}");
    }
    place.run(["replace", &component("till_2"), "--reason", "build 10"]).with(0);
    assert_eq!(server.tell("title"), "till, with receipts");

    let told = place.run(["why", "--json", "-c", "64"]).with(0).json();
    let refusals = told["refusals"].as_array().unwrap();
    let reasons: Vec<_> = refusals.iter().map(|refused| refused["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, (0..10).map(|build| format!("build {build}")).collect::<Vec<_>>());
    let text = place.run(["why", "-c", "64"]).with(0).stdout;
    for refused in refusals {
        let [kind, why, reason] = ["kind", "text", "reason"].map(|part| refused[part].as_str().unwrap());
        assert!([kind, why, reason].iter().all(|part| text.contains(part)), "{refused} in {text}");
        assert!(why.contains("build.so"), "{why}");
    }
    let last = place.run(["why", "-c", "1"]).with(0).stdout;
    assert!(last.contains("build 9") && !last.contains("build 8"), "{last}");
}
