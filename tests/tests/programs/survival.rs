//! States that survive their process, under a real supervisor: the program `survivor` does what scripts say.

use std::{fs, process::Command};

use lcr_tests::{component, program, wait_until};

/// Runs an instance for each script, and the one after the last. Returns what each wrote.
fn run(scripts: &[String]) -> Vec<String> {
    run_with(&[], scripts)
}

/// The same, with options of sam.
fn run_with(options: &[(&str, &str)], scripts: &[String]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    for (number, script) in scripts.iter().enumerate() {
        fs::write(directory.path().join(format!("{}.script", number + 1)), script).unwrap();
    }
    let mut survivor = Command::new(program("survivor"))
        .arg(directory.path())
        .env("SAM_BACKOFF", "1ms..2ms")
        .env("SAM_LOG", "0")
        .envs(options.iter().copied())
        .spawn()
        .unwrap();
    let mut status = None;
    wait_until("the supervisor ends", || {
        status = survivor.try_wait().unwrap();
        status.is_some()
    });
    let out = |number: usize| fs::read_to_string(directory.path().join(format!("{number}.out"))).unwrap_or_default();
    let found: Vec<_> = (1..=scripts.len()).map(out).collect();
    assert!(status.unwrap().success(), "{status:?}: {found:#?}");
    found
}

/// A script that builds a runtime and loads a counter.
fn script(options: &str, counter: &str, more: &str) -> String {
    format!("options {options}\nload {}\n{more}", component(counter).display())
}

#[test]
fn a_count_survives_kill_9_by_saves_at_intervals() {
    let found = run(&[
        script("every", "counter_v1", "add 5\nuntil 5\nkill"),
        script("every", "counter_v1", "last\nadd 2\nkept\nuntil 7\nkill"),
        // The next version takes the state of the one before.
        script("every", "counter_text", "add 1\nservice\nuntil 8\nkill"),
        script("every", "counter_text", "add 0\nkept"),
    ]);
    assert_eq!(found[0], "5\n");
    assert!(
        found[1].starts_with("the instance before died of SIGKILL\n7\ncounter 1.0.0 v1 Restored\n"),
        "{}",
        found[1]
    );
    assert_eq!(found[2], "8\nversion 3\n");
    assert_eq!(found[3], "8\ncounter 3.0.0 v2 Restored\n");
}

#[test]
fn states_are_kept_when_asked_after_commits_and_at_the_end_of_the_runtime() {
    let replace = format!("replace {}", component("counter_v2").display());
    let found = run(&[
        // Nothing but the question keeps it.
        script("quiet", "counter_v1", "add 1\nkeep\nadd 9\nkill"),
        // 2 at the commit, which is followed by a save; what comes after that is lost.
        script("commits", "counter_v1", &format!("add 1\n{replace}\nuntil 2\nadd 9\nkill")),
        script("small", "counter_v1", "add 1\nkeep\nend\nexit"),
        script("end", "counter_v1", "add 1\nend\nexit"),
        script("quiet", "counter_v1", "add 0"),
    ]);
    assert_eq!(found[0], "1\nkept\n10\n");
    assert_eq!(found[1], "2\n11\n");
    let kept = &found[2];
    // What does not fit is refused, and what was kept before stays, unread.
    assert!(kept.contains("raise Under::max_bytes"), "{kept}");
    assert_eq!(found[3].lines().last(), found[4].lines().last(), "{found:#?}");
}

#[test]
fn a_state_that_takes_the_process_down_is_set_aside_by_the_next_instance() {
    let found = run(&[
        script("quiet", "counter_v1", "add 5\nkeep\nkill"),
        script("quiet", "counter_deadly", "add 1"),
        script("quiet", "counter_deadly", "last\nkept\nadd 1\nkeep\nkill"),
        // What was set aside stays so, and what the instance after it kept is restored.
        script("quiet", "counter_v1", "last\nkept\nadd 1\nkept"),
    ]);
    assert_eq!(found[1], "", "it ended at its first use");
    let third: Vec<&str> = found[2].lines().collect();
    assert!(third[0].contains("SIGABRT") && third[0].ends_with("while it restored the state of counter"), "{third:?}");
    assert!(third[1].starts_with("counter 1.0.0 v1 SetAside"), "{third:?}");
    assert_eq!(third[2..], ["1", "kept"]);
    let fourth: Vec<&str> = found[3].lines().collect();
    assert_eq!(fourth[0], "the instance before died of SIGKILL");
    assert!(fourth.iter().any(|line| line.starts_with("counter 4.0.0 v1 Waiting")), "{fourth:?}");
    assert!(fourth.iter().any(|line| line.starts_with("counter 1.0.0 v1 SetAside")), "{fourth:?}");
    assert!(
        fourth.contains(&"2") && fourth.iter().any(|line| line.starts_with("counter 4.0.0 v1 Restored")),
        "{fourth:?}"
    );
}

#[test]
fn a_state_that_is_refused_is_kept_until_a_version_takes_it_or_the_next_instance_begins_without() {
    let replace = format!("replace {}", component("counter_v1").display());
    let found = run(&[
        script("quiet", "counter_v1", "add 13\nkeep\nkill"),
        script("quiet", "counter_deadly", &format!("service\nkept\n{replace}\nadd 1\nkept\nkill")),
        script("quiet", "counter_deadly", "last\nservice\nexit"),
        script("quiet", "counter_deadly", "last\nadd 0"),
    ]);
    let second = &found[1];
    assert!(
        second.starts_with("state: component `counter` begins with the state v1 that counter 1.0.0 saved"),
        "{second}"
    );
    assert!(second.contains("13 brings bad luck") && second.contains("Runtime::forget_state"), "{second}");
    assert!(second.contains("v1 Refused") && second.ends_with("14\ncounter 1.0.0 v1 Restored\n"), "{second}");
    // 13 was kept by the first instance; the second kept nothing.
    assert!(found[2].starts_with("the instance before died of SIGKILL\nstate: "), "{}", found[2]);
    assert!(found[3].contains("ended with status 9, while it restored the state of counter\n0\n"), "{}", found[3]);
}

#[test]
fn an_instance_is_told_that_the_one_before_died_in_a_trial() {
    let attempt = format!("try {}", component("counter_v2").display());
    let found = run(&[
        script("quiet", "counter_v1", &format!("add 5\nkeep\n{attempt}\nkill")),
        script("quiet", "counter_v1", &format!("last\nadd 0\n{attempt}\nconfirm\nkill")),
        script("quiet", "counter_v1", &format!("last\n{attempt}\nend\nexit")),
        script("quiet", "counter_v1", "last"),
    ]);
    assert_eq!(found[1], "the instance before died of SIGKILL, while it had on trial counter 2.0.0\n5\n");
    assert_eq!(found[2], "the instance before died of SIGKILL\n", "a trial that was over");
    assert_eq!(found[3], "the instance before ended with status 9\n", "the end of the runtime ended the trial");
}

/// The version on trial has another version of the state, which the version before does not take.
#[test]
fn a_version_on_trial_that_takes_the_process_down_leaves_the_state_of_the_version_before() {
    let attempt = format!("try {}", component("counter_text").display());
    let found = run(&[
        script("quiet", "counter_v1", &format!("add 5\nkeep\n{attempt}\nadd 1\nkeep\nadd 1\nkeep\nkill")),
        script("quiet", "counter_v1", &format!("add 0\nkept\n{attempt}\nadd 2\nkeep\nconfirm\nkill")),
        // The state of the version that was confirmed comes first, and the one before goes.
        script("quiet", "counter_text", "add 0\nkept\nkeep\nkill"),
        script("quiet", "counter_v1", "service"),
    ]);
    assert_eq!(found[0], "5\nkept\n6\nkept\n7\nkept\n");
    let second: Vec<&str> = found[1].lines().collect();
    assert_eq!(second[0], "5");
    assert!(second[1].starts_with("counter 3.0.0 v2 SetAside"), "{second:?}");
    assert_eq!(second[2..], ["counter 1.0.0 v1 Restored", "7", "kept"]);
    let third: Vec<&str> = found[2].lines().collect();
    assert_eq!(third[..2], ["7", "counter 3.0.0 v2 Restored"]);
    assert!(third[2].starts_with("counter 3.0.0 v2 SetAside"), "{third:?}");
    assert_eq!(third[3..], ["kept"]);
    assert!(found[3].starts_with("state: "), "{found:#?}");
}

/// The signal that warns is one that nobody notices, so the trial ends by what the supervisor says beside it.
#[test]
fn a_warning_of_the_supervisor_rolls_a_trial_back_and_the_process_lives_on() {
    let attempt = format!("try {}\nblock", component("clock_v2").display());
    let options = [("SAM_INTERVAL", "300ms"), ("SAM_WARN_SIGNAL", "URG"), ("SAM_GRACE", "120s")];
    let found = run_with(&options, &[script("quiet", "clock_v1", &attempt)]);
    let lines: Vec<&str> = found[0].lines().collect();
    assert!(
        lines[0].starts_with("rolled_back supervisor clock 2.0.0: the supervisor has warned this process"),
        "{found:?}"
    );
    assert!(lines[0].contains("its check `main` was silent for too long"), "{found:?}");
    assert!(lines[0].ends_with("a thread stays in bank.clock.inside of `clock 2.0.0`"), "{found:?}");
    assert_eq!(lines[1..], ["version 1 serves instance 1"], "{found:?}");
}

/// Here the warning kills, and the next instance is told what the one before had on trial.
#[test]
fn a_warning_that_kills_leaves_the_trial_to_the_next_instance() {
    let attempt = format!("try {}\nblock", component("clock_v2").display());
    let options = [("SAM_INTERVAL", "300ms"), ("SAM_WARN_SIGNAL", "KILL")];
    let found = run_with(&options, &[script("quiet", "clock_v1", &attempt), script("quiet", "clock_v1", "last")]);
    assert_eq!(found[0], "");
    let said =
        "the instance before died of SIGKILL, as its check `main` was silent for too long, while it had on trial";
    assert_eq!(found[1], format!("{said} clock 2.0.0\n"));
}

#[test]
fn damaged_states_are_said_and_begun_without() {
    let mut scripts = vec![script("quiet", "counter_v1", "add 5\nkeep\ndamage 0\nkill")];
    for len in [1, 8, 40, 90, 1_000_000] {
        scripts.push(script("quiet", "counter_v1", &format!("last\nadd 5\nkeep\ndamage {len}\nkill")));
    }
    let found = run(&scripts);
    for out in &found[1..] {
        assert!(out.contains("what was kept of the states cannot be used: damaged saved states: "), "{out}");
        assert!(out.ends_with("\n5\nkept\n"), "it began without: {out}");
    }
}

#[test]
fn a_forked_child_touches_nothing_that_is_kept() {
    let found = run(&[
        script("every", "counter_v1", "add 5\nuntil 5\nfork\nuntil 5\nadd 1\nuntil 6\nkill"),
        script("every", "counter_v1", "last\nadd 0"),
    ]);
    assert_eq!(found[1], "the instance before died of SIGKILL\n6\n");
}

/// A runtime without a supervisor works, and keeps its states for as long as the process lives.
#[test]
fn a_runtime_under_sam_works_without_a_supervisor() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("1.script"), script("every", "counter_v1", "last\nadd 5\nuntil 5\nend")).unwrap();
    let status = Command::new(program("survivor")).arg(directory.path()).env("SAM_DISABLE", "1").status().unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(directory.path().join("1.out")).unwrap(), "none\n5\n");
}
