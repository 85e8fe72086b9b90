//! The surroundings of a program: variables, user, folder, limits.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use sam_tests::{
    Subject,
    command::{sam, sh, words},
    lives, wait_until,
};

fn is_root() -> bool {
    // SAFETY: takes no pointers.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        eprintln!("NOT TESTED: only root can become another user");
    }
    is_root
}

/// A folder that every user may enter.
fn open_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn each_instance_has_the_variables_limits_and_folder_of_the_options() {
    let folder = open_folder();
    let options = ["--env", "A=1", "--env", "A=2 = 2", "--env", "B=", "--cwd", text(folder.path())];
    let limits = ["--limit", "nofile=100:200", "--limit", "core=0", "--limit", "stack=8388608:unlimited"];
    let script = "echo \"<$A><${B-none}>\"; pwd; ulimit -Sn; ulimit -Hn; ulimit -Hc; [ $SAM_INSTANCE = 2 ] || exit 9";
    let seen = sh(&[&options[..], &limits].concat(), script).run();
    let folder = text(folder.path());
    let one = ["<2 = 2><>", folder, "100", "200", "0"];
    assert_eq!(seen.lines, [one, one].concat());
    // Without options the program has the variables and folder of its supervisor.
    let seen = sh(&[], "echo \"$A\"; pwd").set("A", "its own").run();
    assert_eq!(seen.lines, ["its own", text(&std::env::current_dir().unwrap())]);
}

#[test]
fn a_program_is_looked_for_from_its_folder_and_in_its_path() {
    let folder = open_folder();
    let program = folder.path().join("program");
    fs::write(&program, "#!/bin/sh\necho found\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = sam(&["run", "--quiet", "--cwd", text(folder.path()), "--", "./program"]);
    assert_eq!(words(&output.stdout), "found\n", "{}", words(&output.stderr));
    let path = format!("PATH={}:/bin", folder.path().display());
    let output = sam(&["run", "--quiet", "--env", &path, "--", "program"]);
    assert_eq!(words(&output.stdout), "found\n", "{}", words(&output.stderr));
    let output = sam(&["run", "--env", "PATH=/nowhere", "--", "sh"]);
    assert_eq!(output.status.code(), Some(127), "{}", words(&output.stderr));
}

#[test]
fn a_program_runs_as_its_user_with_all_groups_of_that_user_and_no_others() {
    if !is_root() {
        return;
    }
    let script = "id -u; id -g; id -G; echo $USER $LOGNAME $HOME; grep -E '^(Uid|CapEff)' /proc/self/status";
    let seen = sh(&["--user", "nobody"], script).run();
    assert_eq!(seen.lines[..4], ["65534", "65534", "65534", "nobody nobody /nonexistent"]);
    assert_eq!(seen.lines[4..], ["Uid:\t65534\t65534\t65534\t65534", "CapEff:\t0000000000000000"]);
    // This file lists the members of groups.
    let groups = fs::read_to_string("/etc/group").unwrap();
    let member =
        groups.lines().find_map(|line| line.rsplit(':').next()?.split(',').next().filter(|user| !user.is_empty()));
    if let Some(user) = member {
        let as_user = sh(&["--user", user], "id -G").run();
        let own = std::process::Command::new("id").args(["-G", user]).output().unwrap();
        assert_eq!(as_user.lines, [words(&own.stdout).trim_end()]);
    }
    let seen = sh(&["--user", "12345:daemon", "--env", "USER=mine"], "id -u; id -g; id -G; echo $USER").run();
    assert_eq!(seen.lines, ["12345", "1", "1", "mine"]);
}

#[test]
fn a_program_of_another_user_dies_with_its_supervisor_though_no_child_stands_by() {
    if !is_root() {
        return;
    }
    let running = sh(&["--user", "nobody", "--no-standby"], "echo $$; exec sleep 1000").start();
    wait_until("the program runs", || !running.lines().is_empty());
    let pid = running.lines()[0].parse().unwrap();
    running.signal(libc::SIGKILL);
    wait_until("the program is gone", || !lives(pid));
}

#[test]
fn impossible_users_folders_and_limits_are_refused_before_a_program_begins() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("events");
    let refused = |options: &[&str], program: &str| {
        let begin = [&["run", "--events", text(&events)], options, &["--", program]].concat();
        let output = sam(&begin);
        assert!(!events.exists(), "{options:?}: something began");
        (output.status.code().unwrap(), words(&output.stderr))
    };
    let cases: [(&[&str], i32, &str); 9] = [
        (&["--user", "no-such-user"], 64, "there is no user no-such-user; give --user one that exists, or a number"),
        (&["--user", "root:no-such-group"], 64, "there is no group no-such-group; give"),
        (&["--user", "54321"], 64, "user 54321 has no entry, so its group is not known; give --user 54321:GROUP"),
        (&["--user", ""], 64, "--user is \"\"; give a user"),
        (&["--env", "=x"], 64, "--env is \"=x\"; give NAME=VALUE"),
        (&["--limit", "files=1"], 64, "--limit is \"files=1\"; give a limit by its name in prlimit(1)"),
        (&["--limit", "nofile=2:1"], 64, "--limit is \"nofile=2:1\"; give"),
        // This limit is more than the system allows.
        (&["--limit", "nofile=4000000000"], 71, "set the limit nofile to 4000000000; without root's rights give"),
        (&["--cwd", "/no/such/folder"], 71, "enter /no/such/folder; give --cwd a folder that exists"),
    ];
    for (options, code, text) in cases {
        let (status, line) = refused(options, "true");
        assert_eq!(status, code, "{options:?}: {line}");
        assert!(line.contains(text) && line.lines().count() == 1, "{options:?}: {line}");
    }
    if is_root() {
        let folder = open_folder();
        let file = folder.path().join("roots");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
        let (status, line) = refused(&["--user", "nobody"], text(&file));
        assert_eq!(status, 126, "{line}");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let (status, line) = refused(&["--user", "nobody", "--cwd", text(folder.path())], "true");
        assert!(status == 71 && line.contains("open to the program's user"), "{status} {line}");
    }
}

#[test]
fn a_supervisor_that_may_not_become_another_user_says_so() {
    if !is_root() {
        return;
    }
    // An outer supervisor with root's rights runs an inner one without them.
    let folder = open_folder();
    let copy = folder.path().join("sam");
    fs::copy(sam_tests::program("sam"), &copy).unwrap();
    let run = format!("{} run --user root -- true", copy.display());
    let mut subject =
        Subject::by_command(&["--policy", "quit", "--user", "nobody"], "/bin/sh", &["-c", &format!("{run} 2>&1")]);
    subject.command().current_dir("/");
    let seen = subject.run();
    assert_eq!(seen.code(), 71, "{:?}", seen.lines);
    assert!(seen.lines[0].contains("become the user root, for which sam needs root's rights"), "{:?}", seen.lines);
}
