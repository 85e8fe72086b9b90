//! The command of a user who is not the process's own.

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    harness::{Ended, component, end},
    server::Place,
};

/// The user who runs the command.
const ANOTHER: u32 = 65_534;

#[test]
fn the_command_reaches_a_process_of_another_user_only_where_that_user_allowed_it() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can run the command as another user");
        return;
    }
    let place = Place::new();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Where cargo built the command, another user may not be let in.
    let command = place.path().join("lcr");
    fs::copy(env!("CARGO_BIN_EXE_lcr"), &command).unwrap();
    let run = |socket: &Path, arguments: &[&str]| -> Ended {
        let mut command = Command::new(&command);
        command.args(arguments).arg("--socket").arg(socket).uid(ANOTHER).gid(ANOTHER).current_dir("/");
        end(command.env_clear().stdin(Stdio::null()))
    };
    let socket = |name: &str| place.path().join(name);
    let [alone, someone, allowed] = ["alone.sock", "someone.sock", "allowed.sock"].map(socket);

    let mut server = place.start_at(&alone, None);
    run(&alone, &["ls"]).with(77);
    assert_eq!(server.tell("sell"), "100");
    let mut server = place.start_at(&someone, Some(ANOTHER - 1));
    run(&someone, &["ls"]).with(77).complains("user 65534 is not let in");
    run(&someone, &["replace", &component("till_2")]).with(77);
    assert_eq!(server.tell("title"), "till");

    let mut server = place.start_at(&allowed, Some(ANOTHER));
    let listed = run(&allowed, &["ls"]).with(0).stdout;
    assert!(listed.contains("till"), "{listed}");
    run(&allowed, &["replace", &component("till_2"), "--reason", "ticket 81"]).with(0);
    assert_eq!(server.tell("title"), "till, with receipts");
    // A refusal says which user asked.
    run(&allowed, &["add", "/nowhere.so"]).with(66);
    let why = run(&allowed, &["why"]).with(0).stdout;
    assert!(why.contains("uid 65534)"), "{why}");
}
