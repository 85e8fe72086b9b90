//! The arguments that the command accepts and refuses, and its manual.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use sam_tests::{
    Subject,
    command::{sam, sh, words},
    program,
};

#[test]
fn the_arguments_of_a_program_are_its_own() {
    let script = "for a; do echo \"<$a>\"; done";
    let seen = Subject::by_command(&[], "/bin/sh", &["-c", script, "sh", "--quiet", "", "-h", "a b", "--"]).run();
    assert_eq!(seen.lines, ["<--quiet>", "<>", "<-h>", "<a b>", "<-->"]);
    let output = sam(&["run", "--quiet", "echo", "--help", "-x"]);
    assert_eq!((output.status.code(), words(&output.stdout)), (Some(0), "--help -x\n".to_owned()), "without --");
}

#[test]
fn a_program_that_cannot_be_executed_is_refused_before_anything_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain");
    fs::write(&file, "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (file, events) = (file.to_str().unwrap(), folder.path().join("events"));
    let cases = [
        ("no-such-program-anywhere", 127, "there is no program no-such-program-anywhere in PATH; give its path"),
        ("./no/such/file", 127, "there is no file ./no/such/file; give"),
        ("", 127, "has no name"),
        (file, 126, "cannot be executed; give a file that is executable (chmod +x)"),
        ("/", 126, "cannot be executed"),
    ];
    for (program, code, text) in cases {
        let output = sam(&["run", "--events", events.to_str().unwrap(), "--", program]);
        assert_eq!(output.status.code(), Some(code), "{program}");
        assert!(words(&output.stderr).contains(text), "{program}: {}", words(&output.stderr));
        assert!(!events.exists(), "{program}: something began");
    }
}

#[test]
fn wrong_arguments_are_refused_with_what_to_do() {
    let cases: [(&[&str], &str); 21] = [
        (&[], "there is no command; give run, status, stop, restart or signal; see `sam --help`"),
        (&["fly"], "there is no command \"fly\"; give run, status, stop, restart or signal"),
        (&["--fly"], "there is no option --fly; see `sam --help`"),
        (&["run"], "there is no program to supervise; give one behind --; see `sam run --help`"),
        (&["run", "--fly", "true"], "there is no option --fly; see `sam run --help`"),
        (&["run", "-f", "true"], "there is no option -f"),
        (&["run", "--watchdog"], "--watchdog needs a value; give one"),
        (&["run", "--watchdog", "soon", "true"], "--watchdog is \"soon\"; give a time such as 2s or 150ms, not zero"),
        (&["run", "--watchdog", "0s", "true"], "--watchdog is \"0s\""),
        (&["run", "--outlive=yes", "true"], "--outlive takes no value"),
        (&["run", "--policy", "hope", "true"], "--policy is \"hope\"; give restart, always or quit"),
        (&["run", "--budget", "10", "true"], "--budget is \"10\"; give restarts and a time, as 10/60s"),
        (&["run", "--budget", "65/1s", "true"], "a budget of 65 restarts is too large; give 64 at most"),
        (&["run", "--backoff", "2s..1s", "true"], "give the shorter delay first"),
        (&["run", "--clean-exits", "256", "true"], "give exit codes from 0 to 255, as 3,4"),
        (&["run", "--warn-signal", "STOP", "true"], "signal 19 cannot warn"),
        (&["run", "--probe-every", "1s", "true"], "there is no command to probe with; give --probe COMMAND"),
        (&["run", "--start-limit", "1s", "true"], "--start-limit is for a program that says READY=1; give --notify"),
        (&["run", "--ready-at-start", "true"], "every program is ready at its start"),
        (&["status"], "no status file; give the one of `sam run --status FILE`; see `sam status --help`"),
        (&["status", "a", "b"], "\"b\" is one argument too many"),
    ];
    for (arguments, text) in cases {
        let output = sam(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        let line = words(&output.stderr);
        assert!(line.contains(text), "{arguments:?}: {line}");
        assert!(line.starts_with("sam: ") && line.trim_end().lines().count() == 1, "{line}");
    }
    let output = sam(&["run", "--status", "/no/such/folder/status", "true"]);
    assert_eq!(output.status.code(), Some(71));
    assert!(words(&output.stderr).contains("/no/such/folder/status: No such file"), "{}", words(&output.stderr));
}

#[test]
fn the_manual_names_every_option_and_no_other() {
    for (arguments, first) in [
        (&["--help"][..], "Keeps"),
        (&["help"], "Keeps"),
        (&["run", "-h"], "Supervises"),
        (&["status", "--help"], "Shows"),
    ] {
        let output = sam(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(words(&output.stdout).starts_with(first), "{arguments:?}");
    }
    let version = words(&sam(&["--version"]).stdout);
    assert_eq!(version, format!("sam {}\n", env!("CARGO_PKG_VERSION")));
    let manual = words(&sam(&["run", "--help"]).stdout);
    let options = manual.lines().filter_map(|line| line.strip_prefix("      --"));
    let options = options.filter_map(|line| line.split_whitespace().next());
    // A switch has two forms, with and without `no-`.
    let forms = options.flat_map(|option| match option.strip_prefix("[no-]") {
        Some(word) => vec![word.to_owned(), format!("no-{word}")],
        None => vec![option.to_owned()],
    });
    let options: Vec<String> = forms.collect();
    assert!(options.len() >= 36, "{options:?}");
    for option in &options {
        // The command may refuse this, but not because the option is unknown.
        let output = sam(&["run", &format!("--{option}")]);
        assert_eq!(output.status.code(), Some(64));
        assert!(!words(&output.stderr).contains("no option"), "{option}");
    }
    for setting in sam::__private::settings_of_command() {
        assert!(options.iter().any(|option| option == setting.word), "{}", setting.word);
    }
}

#[test]
fn every_exit_status_of_the_command_itself_is_in_its_manual() {
    let manual = words(&sam(&["run", "--help"]).stdout);
    for kind in sam::ErrorKind::ALL {
        let status = format!("\n    {:<5}", kind.exit_status());
        assert!(manual.contains(&status), "{kind}: {}", kind.exit_status());
    }
}

#[test]
fn variables_for_linked_programs_do_not_change_the_command() {
    let subject = sh(&["--policy", "quit"], "echo $SAM_POLICY; exit 7");
    let seen = subject.set("SAM_POLICY", "nonsense").set("SAM_DISABLE", "1").run();
    assert_eq!((seen.code(), seen.lines), (7, vec!["nonsense".to_owned()]));
    assert_eq!(seen.events.len(), 3, "the program was supervised");
}

#[test]
fn a_misspelt_variable_of_a_linked_program_is_named_with_the_nearest() {
    let run = |name: &str| {
        let output = Command::new(program("subject")).arg("exit 0").env(name, "1s").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        words(&output.stderr)
    };
    let text = run("SAM_INTERVALL");
    assert!(text.contains("sam: SAM_INTERVALL in the environment is no option"), "{text}");
    assert!(text.contains("the nearest is SAM_INTERVAL\n"), "{text}");
    assert_eq!(run("SAM_INTERVAL"), "");
}
