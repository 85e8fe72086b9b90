//! Instances in cgroups of their own. If this process may write to no cgroup, the tests print that and pass.
//!
//! This is a binary of its own because some of its instances fork without rest, and may use up the process ids
//! of the machine.

use std::{
    ffi::CString,
    fs,
    os::unix::{ffi::OsStrExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sam_tests::{Running, Subject, command::sam, lives, proc::children, send, state_of, wait_until};

/// A cgroup for the supervisors of one test, so that supervisors of other tests do not remove its cgroups.
struct Place {
    folder: PathBuf,
    /// The kernel's name of it.
    path: String,
}

impl Place {
    /// `None` if this process may make no cgroup, or if there is no `cgroup.kill` (Linux 5.14).
    fn new(name: &str) -> Option<Place> {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap();
        let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").trim_end_matches('/').to_owned();
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mount = mounts.lines().find_map(|line| {
            let fields: Vec<_> = line.split(' ').collect();
            (fields[2] == "cgroup2").then(|| fields[1].to_owned())
        });
        let path = format!("{own}/test-{name}-{}", std::process::id());
        let folder = PathBuf::from(format!("{}{path}", mount.unwrap_or_default()));
        let is_there = fs::create_dir(&folder).is_ok() && folder.join("cgroup.kill").exists();
        if !is_there {
            eprintln!("NOT TESTED: this process may make no cgroup of version 2, or it has no cgroup.kill");
        }
        is_there.then_some(Place { folder, path })
    }

    /// Has a program start in the cgroup.
    fn of(&self, mut subject: Subject) -> Subject {
        let procs = CString::new(self.folder.join("cgroup.procs").as_os_str().as_bytes()).unwrap();
        let enter = move || {
            // SAFETY: the path ends with a zero byte.
            let fd = unsafe { libc::open(procs.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC) };
            // SAFETY: one byte is read.
            let written = unsafe { libc::write(fd, b"0".as_ptr().cast(), 1) };
            if written == 1 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        };
        // SAFETY: two system calls.
        unsafe { subject.command().pre_exec(enter) };
        subject
    }

    /// The cgroups that supervisors have made in it.
    fn made(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap().map(Result::unwrap);
        let folders = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::write(self.folder.join("cgroup.kill"), "1");
        wait_until("the test's cgroup is empty", || !is_populated(&self.folder));
        remove(&self.folder);
    }
}

fn is_populated(folder: &Path) -> bool {
    fs::read_to_string(folder.join("cgroup.events")).is_ok_and(|events| events.contains("populated 1"))
}

/// Removes a cgroup and those below it, which a killed supervisor or a failed test has left.
fn remove(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(folder);
}

/// The cgroup of a process.
fn cgroup_of(pid: i64) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned()
}

fn command_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// The process id of the instance in the status file, and its cgroup in that file.
fn told(running: &Running) -> (i64, Option<String>) {
    wait_until("there is a status", || running.path("status").exists() && running.status()["pid"].is_i64());
    let status = running.status();
    (status["pid"].as_i64().unwrap(), status["cgroup"].as_str().map(str::to_owned))
}

fn hydra(end: &str) -> Subject {
    let mut subject = Subject::of("hydra", &[]).set("SAM_CGROUP", "need").set("SAM_STOP_LIMIT", "200ms");
    let lock = subject.path("lock");
    subject.command().arg(lock).arg(end);
    subject
}

/// A subject that another command executes.
fn started_by(mut subject: Subject, other: &[&str]) -> Subject {
    let mut command = Command::new(other[0]);
    command.args(&other[1..]).arg(subject.command().get_program()).args(subject.command().get_args());
    for (name, value) in subject.command().get_envs() {
        command.env(name, value.unwrap());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    *subject.command() = command;
    subject
}

#[test]
fn an_instance_that_forks_without_rest_is_killed_with_all_its_processes() {
    let Some(place) = Place::new("hydra") else { return };
    for respawn in ["fork", "exec"] {
        for end in ["dies", "hangs"] {
            let subject = hydra(end).set("SAM_RESPAWN", respawn).set("SAM_INTERVAL", "300ms").set("SAM_GRACE", "50ms");
            let seen = place.of(subject).run();
            assert_eq!(seen.lines, ["1 is alone", "1 is grown", "2 is alone"], "{end}: {:?}", seen.events);
            assert_eq!((seen.code(), place.made()), (0, vec![]), "{end}");
        }
    }
}

#[test]
fn process_1_kills_the_processes_of_its_instance_and_no_others() {
    let Some(place) = Place::new("first") else { return };
    // Neither a process group nor a list of children leads to the processes that it must kill. An orphan of a
    // shell that entered the namespace does not belong to the instance.
    let by = ["unshare", "--pid", "--fork", "--mount-proc"];
    for end in ["dies", "hangs"] {
        let subject = started_by(hydra(end), &by).set("SAM_INTERVAL", "300ms").set("SAM_GRACE", "50ms");
        let seen = place.of(subject).run();
        assert_eq!(seen.lines, ["1 is alone", "1 is grown", "2 is alone"], "{end}: {:?}", seen.events);
        assert_eq!((seen.code(), place.made()), (0, vec![]), "{end}");
    }
    let subject = Subject::new(&["start; beats 60000 10", "start; say next; beats 60000 10"]).set("SAM_CGROUP", "need");
    let running = place.of(started_by(subject, &by)).start();
    let (pid, _) = told(&running);
    assert_eq!(pid, 2, "the first instance of the namespace");
    let first = children(running.pid())[0];
    let orphan = "sleep 1000 >/dev/null 2>&1 &";
    let entered = Command::new("nsenter").args(["-t", &first.to_string(), "-p", "sh", "-c", orphan]).output().unwrap();
    assert!(entered.status.success(), "{entered:?}");
    let mut orphan = None;
    wait_until("process 1 has the orphan", || {
        orphan = children(first).into_iter().find(|&pid| command_of(pid) == "sleep");
        orphan.is_some()
    });
    let orphan = orphan.unwrap();
    let instance = children(first)[0];
    send(instance, libc::SIGKILL);
    running.await_line("2 next");
    assert!(lives(orphan));
    send(first, libc::SIGTERM);
    running.end();
    assert_eq!(place.made(), Vec::<String>::new());
}

#[test]
fn processes_of_an_instance_die_with_a_supervisor_that_is_killed() {
    let Some(place) = Place::new("orphans") else { return };
    for respawn in ["fork", "exec"] {
        let subject = Subject::new(&["start; stray; beats 60000 10"]).set("SAM_RESPAWN", respawn);
        let running = place.of(subject.set("SAM_CGROUP", "need")).start();
        // The stray has a session of its own.
        let stray = running.await_value("1 strayed ").parse().unwrap();
        let cell = |number| place.folder.join(format!("sam-{}/{number}", running.pid()));
        wait_until("the next stands by", || (0..2).all(|number| is_populated(&cell(number))));
        running.signal(libc::SIGKILL);
        wait_until("nothing of either is left", || !is_populated(&place.folder));
        assert!(!lives(stray));
        assert_eq!(running.end().code(), -9, "{respawn}");
    }
}

#[test]
fn an_operators_stop_leaves_no_process_of_the_instance() {
    let Some(place) = Place::new("stop") else { return };
    let subject = hydra("serves");
    let lock = subject.path("lock");
    let running = place.of(subject).start();
    running.await_line("1 is grown");
    running.signal(libc::SIGTERM);
    wait_until("the supervisor has ended", || state_of(running.pid()) == Some('Z'));
    assert!(!is_populated(&place.folder));
    assert!(lock.exists());
    assert_eq!((running.end().code(), place.made()), (-15, vec![]));
}

#[test]
fn each_instance_is_in_a_cgroup_that_the_status_names() {
    let Some(place) = Place::new("status") else { return };
    let life = "start; beats 60000 10";
    for (respawn, script) in [("fork", life), ("exec", life)] {
        let subject = Subject::new(&[script]).set("SAM_CGROUP", "need").set("SAM_RESPAWN", respawn);
        let running = place.of(subject).start();
        let mut seen = Vec::new();
        for instance in 1..=3 {
            wait_until("the program runs", || {
                running.path("status").exists()
                    && running.status()["instance"] == instance
                    && running.status()["stage"] == "running"
            });
            let (pid, cgroup) = told(&running);
            let expected = format!("{}/sam-{}/{}", place.path, running.pid(), instance % 2);
            assert_eq!((Some(&expected), &cgroup_of(pid)), (cgroup.as_ref(), &expected), "{respawn}");
            let shown = sam(&["status", running.path("status").to_str().unwrap()]).stdout;
            assert!(String::from_utf8(shown).unwrap().contains(&format!("cgroup      {expected}\n")));
            assert_eq!(cgroup_of(running.pid().into()), place.path, "the supervisor stays where it was");
            seen.push(pid);
            send(i32::try_from(pid).unwrap(), libc::SIGKILL);
        }
        running.signal(libc::SIGTERM);
        running.end();
        assert_eq!(place.made(), Vec::<String>::new());
    }
}

#[test]
fn a_program_begins_in_its_cgroup_and_cgroups_that_it_makes_there_are_removed() {
    let Some(place) = Place::new("program") else { return };
    // The script leaves a process in a cgroup below its own, to which no process group and no child leads.
    let script = "cd \"$0$(sed -n 's/^0:://p' /proc/self/cgroup)\"; mkdir -p a/b c; pwd; \
                  setsid sh -c 'echo $$ > a/b/cgroup.procs; echo ready; exec sleep 1000' & wait";
    let mount = place.folder.to_str().unwrap().strip_suffix(&place.path).unwrap().to_owned();
    let options = ["--cgroup", "need"];
    let running = place.of(Subject::by_command(&options, "/bin/sh", &["-c", script, &mount])).start();
    running.await_line("ready");
    let made = format!("{}/sam-{}/1", place.folder.display(), running.pid());
    assert_eq!(running.lines()[0], made);
    assert!(fs::read_to_string(format!("{made}/a/b/cgroup.procs")).is_ok_and(|pids| !pids.is_empty()));
    running.signal(libc::SIGTERM);
    assert_eq!((running.end().code(), place.made()), (-15, vec![]));
    assert!(
        fs::read_to_string(place.folder.join("cgroup.procs")).unwrap().is_empty(),
        "a process of the instance lives"
    );
}

#[test]
fn an_orphan_that_another_namespace_took_is_killed_before_the_next_instance_begins() {
    let Some(place) = Place::new("taken") else { return };
    // Process 1 of this namespace reaps orphans.
    let mut other = Command::new("unshare");
    other.args(["--pid", "--kill-child", "--mount-proc", "sh", "-c", "sleep 1000 & wait"]);
    let mut other = other.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = None;
    wait_until("there is another namespace", || {
        first = children(other.id() as i32).first().copied().filter(|&pid| children(pid).len() == 1);
        first.is_some()
    });
    let first = first.unwrap();
    // Neither its process group nor its parent leads to the orphan.
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark");
    let orphan = format!("setsid sh -c \": >{}; exec sleep 1000\" >/dev/null 2>&1 &", mark.display());
    let script = format!(
        "[ $SAM_INSTANCE = 1 ] || {{ echo up; exec sleep 1000; }}
         nsenter -t {first} -p sh -c '{orphan}'
         until [ -e {} ]; do sleep 0.01; done; exit 1",
        mark.display()
    );
    let running = place.of(Subject::by_command(&["--cgroup", "need"], "/bin/sh", &["-c", &script])).start();
    running.await_line("up");
    // Dead children may not have been reaped yet.
    let living = children(first).into_iter().filter(|&pid| !matches!(state_of(pid), None | Some('Z')));
    assert_eq!(living.count(), 1, "its own");
    running.signal(libc::SIGTERM);
    assert_eq!((running.end().code(), place.made()), (-libc::SIGTERM, vec![]));
    send(first, libc::SIGKILL);
    other.wait().unwrap();
}

#[test]
fn a_supervisor_removes_the_cgroups_of_a_killed_one_and_none_of_a_living_one() {
    let Some(place) = Place::new("stale") else { return };
    let start =
        |script: &str| place.of(Subject::new(&[script]).set("SAM_CGROUP", "need").set("SAM_BACKOFF", "1h..1h")).start();
    let killed = start("start; beats 60000 10");
    told(&killed);
    let left = format!("sam-{}", killed.pid());
    killed.signal(libc::SIGKILL);
    killed.end();
    wait_until("its instance is gone, too", || {
        fs::read_to_string(place.folder.join("cgroup.events")).unwrap().contains("populated 0")
    });
    assert_eq!(place.made(), [&*left]);
    // No process lives in its cgroup while it waits for the next start.
    let waiting = start("kill 9");
    waiting.await_events("ended", 2);
    let its = format!("sam-{}", waiting.pid());
    assert_eq!(place.made(), [&*its], "the cgroups of the killed supervisor are removed");
    assert_eq!(start("exit 0").end().code(), 0);
    assert_eq!(place.made(), [&*its], "the cgroup of the living supervisor is left alone");
    waiting.signal(libc::SIGTERM);
    waiting.end();
    assert_eq!(place.made(), Vec::<String>::new());
}

#[test]
fn no_cgroup_is_made_where_cgroups_are_off_or_strays_are_kept() {
    let Some(place) = Place::new("off") else { return };
    for (name, value) in [("SAM_CGROUP", "off"), ("SAM_STRAYS", "keep")] {
        let running = place.of(Subject::new(&["start; beats 60000 10"]).set(name, value)).start();
        let (pid, cgroup) = told(&running);
        assert_eq!((cgroup, cgroup_of(pid)), (None, place.path.clone()), "{name}");
        assert_eq!(place.made(), Vec::<String>::new());
        running.signal(libc::SIGTERM);
        running.end();
    }
    let refused = Subject::new(&["exit 0"]).set("SAM_CGROUP", "need").set("SAM_STRAYS", "keep").run();
    assert_eq!((refused.code(), refused.events.len()), (64, 0));
}

/// A subject in a mount namespace of its own, in which a shell runs `change` first. Its standard error is among
/// its lines.
fn behind(change: &str, script: &str) -> Subject {
    let shell = format!("set -e; {change}; exec \"$0\" \"$@\" 2>&1");
    started_by(Subject::new(&[script]), &["unshare", "-m", "/bin/sh", "-c", &shell])
}

#[test]
fn a_supervisor_without_cgroups_does_without_unless_the_options_need_them() {
    let Some(place) = Place::new("none") else { return };
    for change in ["umount -t cgroup2 -a", "mount -o remount,bind,ro \"$SUBJECT_MOUNT\""] {
        let mount = place.folder.to_str().unwrap().strip_suffix(&place.path).unwrap().to_owned();
        let run = |when: &str| {
            place.of(behind(change, "say well; exit 0")).set("SUBJECT_MOUNT", &mount).set("SAM_CGROUP", when).run()
        };
        let seen = run("auto");
        assert_eq!((seen.code(), seen.lines), (0, vec!["1 well".to_owned()]), "{change}");
        let seen = run("need");
        assert_ne!(seen.code(), 0);
        assert!(seen.lines.concat().contains("make a cgroup for the instances, which is needed"), "{:?}", seen.lines);
    }
}

#[test]
fn where_systemd_runs_a_cgroup_is_used_only_once_systemd_has_delegated_it() {
    let Some(place) = Place::new("systemd") else { return };
    let change = "mount -t tmpfs none /run; mkdir -p /run/systemd/system";
    let is_used = || {
        let running = place.of(behind(change, "start; beats 60000 10")).start();
        let is_used = told(&running).1.is_some();
        running.signal(libc::SIGTERM);
        running.end();
        is_used
    };
    assert!(!is_used(), "the cgroup was used before systemd delegated it");
    mark(&place.folder);
    assert!(is_used(), "the cgroup is used once systemd has delegated it");
}

/// Marks a cgroup as delegated, as systemd does.
fn mark(folder: &Path) {
    let path = CString::new(folder.as_os_str().as_bytes()).unwrap();
    // SAFETY: both strings end with a zero byte, one byte of the value is read.
    let result = unsafe { libc::setxattr(path.as_ptr(), c"user.delegate".as_ptr(), b"1".as_ptr().cast(), 1, 0) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn cgroups_that_an_instance_made_are_removed_however_deep_they_are() {
    let Some(place) = Place::new("deep") else { return };
    let script = "cd \"$0$(sed -n 's/^0:://p' /proc/self/cgroup)\" && mkdir -p \"$1\" d/e && echo $SAM_INSTANCE && \
                  [ $SAM_INSTANCE = 4 ]";
    let mount = place.folder.to_str().unwrap().strip_suffix(&place.path).unwrap().to_owned();
    let options = ["--cgroup", "need", "--backoff", "1ms..1ms"];
    let arguments = ["-c", script, &mount, &"d/".repeat(40)];
    let seen = place.of(Subject::by_command(&options, "/bin/sh", &arguments)).run();
    assert_eq!(seen.lines, ["1", "2", "3", "4"], "{:?}", seen.events);
    assert_eq!((seen.code(), place.made()), (0, vec![]));
}
