//! Limits of time in tests. A machine with other work lets a thread wait for as long as it likes, and may stand still
//! as a whole. So what is meant to come has [`SHORTEST`] at the least, and no two ages are compared with each other: a
//! test compares an age with a clock that it reads beside.

use super::{is_test, sources};

/// In seconds.
const SHORTEST: u64 = 30;

/// Files with shorter times that are the limit of nothing that is meant to come.
const NO_LIMITS: [(&str, &str); 6] = [
    ("tests/components/office/narrow.rs", "a pause between two looks"),
    ("tests/programs/random/main.rs", "how long a random program runs, and a pause between two looks"),
    ("tests/src/keeper.rs", "what waits there is meant to wait in vain"),
    ("tests/src/service.rs", "a pause between two attempts"),
    ("tests/tests/calls/races.rs", "how long a test looks for what must not come"),
    ("tests/tests/change/measured.rs", "a recorder that is slow"),
];

/// The code of tests, by the path of its file.
fn tests() -> Vec<(String, String)> {
    let whole = ["tests", "examples/tests", "lcr/cli/tests"].into_iter().flat_map(sources);
    let beside = ["lcr/src", "lcr/cli/src", "sam/src", "sam/cli/src"].into_iter().flat_map(sources);
    let beside = beside.filter_map(|(name, code)| {
        let code = if is_test(&name) { code } else { code.split_once("mod tests {")?.1.to_owned() };
        Some((name, code))
    });
    whole.chain(beside).filter(|(name, _)| !name.ends_with("source/tidy/limits.rs")).collect()
}

/// Whether a text begins with a duration that is written out and shorter than [`SHORTEST`].
fn is_short(text: &str) -> bool {
    let text = text.trim_start_matches("std::time::");
    let Some((unit, rest)) = text.strip_prefix("Duration::from_").and_then(|text| text.split_once('(')) else {
        return false;
    };
    let number: String = rest.chars().take_while(|&char| char.is_ascii_digit() || char == '_').collect();
    let Ok(number) = number.replace('_', "").parse::<u64>() else { return false };
    number < SHORTEST * if unit == "secs" { 1 } else { 1_000 }
}

#[test]
fn no_test_gives_up_before_a_machine_that_stands_still_goes_on() {
    let mut found = Vec::new();
    for (name, code) in tests() {
        for line in code.lines() {
            let mut limits = ["elapsed() < ", "elapsed() <= ", "recv_timeout(", "Instant::now() + "]
                .into_iter()
                .flat_map(|limit| line.split(limit).skip(1));
            if limits.any(is_short) {
                found.push((name.clone(), line.trim().to_owned()));
            }
        }
    }
    let is_told = |name: &str| NO_LIMITS.iter().any(|(file, _)| *file == name);
    let short: Vec<_> = found.iter().filter(|(name, _)| !is_told(name)).collect();
    assert!(short.is_empty(), "limits of less than {SHORTEST} s: {short:#?}");
    let stale: Vec<_> = NO_LIMITS.iter().filter(|(file, _)| !found.iter().any(|(name, _)| name == file)).collect();
    assert!(stale.is_empty(), "these have no short time: {stale:?}");
}

#[test]
fn no_test_compares_two_ages_with_each_other() {
    let is_age = |text: &str| text.contains(".seen_for") || text.contains(".elapsed()");
    let mut found = Vec::new();
    for (name, code) in tests() {
        let asserts = code.lines().filter(|line| line.contains("assert"));
        let compares = |line: &&str| {
            let condition = line.split('"').next().unwrap_or_default();
            [" < ", " > ", " <= ", " >= "]
                .into_iter()
                .any(|sign| condition.split_once(sign).is_some_and(|(left, right)| is_age(left) && is_age(right)))
        };
        found.extend(asserts.filter(compares).map(|line| (name.clone(), line.trim().to_owned())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn short_limits_are_found() {
    for short in ["Duration::from_secs(10))", "std::time::Duration::from_millis(29_999))", "Duration::from_micros(1)"] {
        assert!(is_short(short), "{short}");
    }
    for long in ["Duration::from_secs(60)", "LONG", "Duration::from_millis(120_000)", "2 * LONG", "timeout"] {
        assert!(!is_short(long), "{long}");
    }
}
