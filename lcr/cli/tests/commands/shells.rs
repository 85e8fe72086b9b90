//! The command line itself: help, wrong arguments, completions and manual pages.

use std::{fs, process::Command};

use crate::harness::{end, run};

#[test]
fn wrong_arguments_end_with_64_and_help_with_0() {
    for arguments in [&["inspect"][..], &["no-such-command"], &["inspect", "a", "--no-such-option"], &[]] {
        let ended = run(arguments.iter().copied()).with(64);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{ended:?}");
    }
    for arguments in [&["help"][..], &["--help"], &["help", "inspect"], &["inspect", "-h"], &["--version"]] {
        let ended = run(arguments.iter().copied()).with(0);
        assert!(ended.stderr.is_empty() && !ended.stdout.is_empty(), "{ended:?}");
    }
}

#[test]
fn help_has_the_table_of_exit_statuses() {
    let help = run(["help"]).with(0).stdout;
    assert!(help.contains("Exit status:\n  0\twhat was asked happened\n"), "{help}");
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    run(["manual", pages.to_str().unwrap()]).with(0);
    for page in ["lcr.1", "lcr-inspect.1", "lcr-diff.1", "lcr-new.1"] {
        assert!(pages.join(page).is_file(), "{page}");
    }
    let text = fs::read_to_string(pages.join("lcr.1")).unwrap();
    assert!(text.contains("Exit status") && text.contains("lcr\\-inspect(1)"), "{text}");
}

#[test]
fn bash_completes_commands_and_options_where_it_sources_the_completions() {
    let script = r#"
        source <("$LCR" completions bash) || exit 2
        complete_line() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
            _lcr lcr "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}"
        }
        complete_line lcr insp
        complete_line lcr inspect --typ
        complete_line lcr completions ba
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "--noprofile", "-c", script]).env("LCR", env!("CARGO_BIN_EXE_lcr"));
    let ended = end(&mut bash).with(0);
    assert_eq!(ended.stdout, "inspect\n--types\nbash\n", "{ended:?}");
}
