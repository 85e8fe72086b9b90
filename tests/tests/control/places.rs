//! Where the socket is, who gets in, and what other processes and children have of it.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, symlink},
        process::CommandExt as _,
    },
    process::Command,
};

use lcr::{ErrorKind, control::sockets};
use lcr_tests::{in_a_process_of_its_own, wait_until};

use super::{child::in_child, *};

/// Has sockets go to a directory of the test's own. The process has this test alone.
fn runtime_directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    // SAFETY: no other thread of this process reads or writes the environment now.
    unsafe { std::env::set_var("XDG_RUNTIME_DIR", directory.path()) };
    let sockets = directory.path().join("lcr");
    (directory, sockets)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn sockets_are_found_by_program_and_process_and_are_the_users_own_whatever_the_mask() {
    in_a_process_of_its_own(|| {
        let (_directory, lcr) = runtime_directory();
        // SAFETY: the call takes a number.
        unsafe { libc::umask(0) };
        let rt = Arc::new(empty_runtime());
        let first = lcr::control::serve(&rt).unwrap();
        let second = lcr::control::serve(&rt).unwrap();
        let named = Server::builder().program("my server/2").serve(&rt).unwrap();
        assert_eq!([mode(&lcr), mode(first.path()), mode(second.path())], [0o700, 0o600, 0o600]);
        let ours = || sockets().into_iter().filter(|socket| socket.path.starts_with(&lcr));
        assert_eq!(ours().count(), 3);
        assert!(ours().all(|socket| socket.pid == std::process::id()));
        assert!(ours().any(|socket| socket.program == "my_server_2" && socket.path == named.path()));
        for socket in ours() {
            assert_eq!(Client::connect(&socket.path).unwrap().hello().pid, socket.pid);
        }
        drop((first, second, named));
        assert_eq!(fs::read_dir(&lcr).unwrap().count(), 0);
        // SAFETY: as above.
        unsafe { libc::umask(0o777) };
        let server = lcr::control::serve(&rt).unwrap();
        // What the mask takes away, the user has not.
        assert_eq!(mode(server.path()) & 0o077, 0);
    });
}

#[test]
fn a_socket_with_the_name_of_another_process_is_not_spoken_to() {
    in_a_process_of_its_own(|| {
        let (_directory, lcr) = runtime_directory();
        let rt = Arc::new(empty_runtime());
        let server = Server::builder().program("kv").serve(&rt).unwrap();
        let of = |program: &str, pid: u32| {
            let path = lcr.join(format!("{program}.{pid}.sock"));
            fs::hard_link(server.path(), &path).unwrap();
            path
        };
        let pid = std::process::id();
        let (own, another) = (of("other", pid), of("kv", 1));
        for strange in ["kv\x1b[2J", "kv\n", "k.v", "kvä", &"k".repeat(41)] {
            of(strange, pid);
        }
        let found: Vec<_> = sockets().into_iter().filter(|socket| socket.path.starts_with(&lcr)).collect();
        let names: Vec<_> = found.iter().map(|socket| (socket.program.as_str(), socket.pid)).collect();
        assert_eq!(names, [("kv", 1), ("kv", pid), ("other", pid)]);
        let error = Client::connect_to(&found[0]).unwrap_err();
        assert!(error.kind() == ErrorKind::Untrusted && error.to_string().contains(&pid.to_string()), "{error}");
        Client::connect_to(&found[1]).unwrap();
        Client::connect_to(&found[2]).unwrap();
        // Who names a path has decided.
        Client::connect(another).unwrap();
        let mut of_another_user = found[1].clone();
        of_another_user.uid += 1;
        assert_eq!(Client::connect_to(&of_another_user).unwrap_err().kind(), ErrorKind::Untrusted);
        drop(own);
    });
}

#[test]
fn what_a_killed_process_left_is_removed_and_nothing_else() {
    in_a_process_of_its_own(|| {
        let (_directory, lcr) = runtime_directory();
        let rt = Arc::new(empty_runtime());
        let living = lcr::control::serve(&rt).unwrap();
        let mut dead = Command::new("true").spawn().unwrap();
        dead.wait().unwrap();
        let left = |name: &str| {
            let path = lcr.join(name);
            // A listener that is dropped leaves its file.
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            path
        };
        let gone = [left(&format!("kv.{}.sock", dead.id())), left(&format!(".new.{}-1.sock", dead.id()))];
        let other = left("something.sock");
        let file = lcr.join(format!("file.{}.sock", dead.id()));
        fs::write(&file, "no socket").unwrap();
        // It has a living process, who may be about to listen.
        let ours = left(&format!("kv.{}.sock", std::process::id()));
        let next = lcr::control::serve(&rt).unwrap();
        assert!(gone.iter().all(|path| !path.exists()));
        assert!([living.path(), next.path(), &other, &file, &ours].iter().all(|path| path.exists()));
        // A name on which nobody listens is taken over.
        let taken = Server::builder().program("kv").serve(&rt).unwrap();
        assert_eq!(taken.path(), ours);
        Client::connect(&ours).unwrap().status().unwrap();
        let error = Server::builder().path(&file).serve(&rt).unwrap_err();
        assert_eq!((error.kind(), fs::read(&file).unwrap()), (ErrorKind::Invalid, b"no socket".to_vec()), "{error}");
    });
}

#[test]
fn a_directory_that_lets_others_in_is_refused() {
    in_a_process_of_its_own(|| {
        let (directory, lcr) = runtime_directory();
        let rt = Arc::new(empty_runtime());
        let assert_untrusted = |what: &str| {
            let error = lcr::control::serve(&rt).unwrap_err();
            assert!(error.kind() == ErrorKind::Untrusted && error.to_string().contains(what), "{what}: {error}");
        };
        fs::DirBuilder::new().mode(0o700).create(directory.path().join("elsewhere")).unwrap();
        symlink(directory.path().join("elsewhere"), &lcr).unwrap();
        assert_untrusted("link");
        fs::remove_file(&lcr).unwrap();
        fs::create_dir(&lcr).unwrap();
        fs::set_permissions(&lcr, Permissions::from_mode(0o777)).unwrap();
        assert_untrusted("777");
        // A client does not look into it either.
        assert!(sockets().iter().all(|socket| !socket.path.starts_with(&lcr)));
        fs::set_permissions(&lcr, Permissions::from_mode(0o700)).unwrap();
        if lcr::Actor::this_process().uid == 0 {
            std::os::unix::fs::chown(&lcr, Some(1), None).unwrap();
            assert_untrusted("user 1");
            std::os::unix::fs::chown(&lcr, Some(0), None).unwrap();
        } else {
            println!("only root can give a directory away: not tried");
        }
        drop(lcr::control::serve(&rt).unwrap());
        fs::remove_dir(&lcr).unwrap();
        fs::write(&lcr, "a file").unwrap();
        assert_untrusted("no directory");
    });
}

/// The user `nobody`, who tries the socket at `SEAT_OF_ANOTHER` and prints what he is told. Not a test of its own.
#[test]
fn another_user() {
    let Ok(path) = std::env::var("SEAT_OF_ANOTHER") else { return };
    match Client::connect(path).and_then(|mut client| client.status()) {
        Ok(_) => println!("told: status"),
        Err(error) => println!("told: {}", error.kind()),
    }
}

#[test]
fn another_user_gets_in_only_where_that_user_is_allowed() {
    if lcr::Actor::this_process().uid != 0 {
        println!("only root can become another user: not tried");
        return;
    }
    const NOBODY: u32 = 65_534;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let program = directory.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let told = |server: &Server| {
        let output = Command::new(&program)
            .args(["places::another_user", "--exact", "--nocapture"])
            .env("SEAT_OF_ANOTHER", server.path())
            .current_dir("/")
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = text.lines().find_map(|line| Some(line.split_once("told: ")?.1.to_owned()));
        told.unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
    };
    let rt = Arc::new(empty_runtime());
    let path = directory.path().join("seat.sock");
    let server = Server::builder().path(&path).serve(&rt).unwrap();
    assert_eq!((told(&server).as_str(), mode(&path)), ("untrusted", 0o600), "the file's mode keeps others out");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(told(&server), "untrusted", "and where it does not, the kernel's word does");
    drop(server);
    let server = Server::builder().path(&path).allow_uid(NOBODY).read_only(true).serve(&rt).unwrap();
    assert_eq!((told(&server).as_str(), mode(&path)), ("status", 0o666));
    drop(server);
    let server = Server::builder().path(&path).allow_uid(NOBODY - 1).serve(&rt).unwrap();
    assert_eq!(told(&server), "untrusted");
}

#[test]
fn a_path_that_is_relative_or_too_long_is_refused() {
    let rt = Arc::new(empty_runtime());
    for path in ["seat.sock".to_owned(), format!("/tmp/{}.sock", "x".repeat(200))] {
        let error = Server::builder().path(&path).serve(&rt).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    }
    let error = Server::builder().path("/no/such/directory/seat.sock").serve(&rt).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

/// What the descriptors of this process are open on.
fn sockets_open() -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap().flatten();
    entries.filter(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().contains("socket"))).count()
}

#[test]
fn the_child_of_a_fork_neither_answers_nor_keeps_a_descriptor() {
    in_a_process_of_its_own(|| {
        let before = sockets_open();
        let seat = Seat::open();
        // The client's end stays with the child, as any descriptor of the program's does.
        let mut raw = seat.raw().hello();
        let clients = 2;
        let (path, mut seat) = (seat.path().to_owned(), Some(seat));
        in_child(|| {
            assert_eq!(sockets_open(), before + clients);
            // The child's copy of the server does nothing.
            let Seat { server, _directory, .. } = seat.take().unwrap();
            drop(server);
            std::mem::forget(_directory);
            assert!(path.exists(), "the parent's socket is removed");
            // Numbers that the parent's sockets had belong to other files now, which stay open.
            let files: Vec<_> = (0..32).map(|_| fs::File::open("/dev/null").unwrap()).collect();
            assert!(files.iter().all(|file| file.metadata().is_ok()));
        });
        // The parent notices nothing.
        assert!(raw.ask("{\"id\":1,\"command\":\"generation\"}")["ok"].is_object());
        let seat = seat.unwrap();
        seat.assert_serves();
        // A child may have a socket of its own, if it has a runtime of its own.
        in_child(|| {
            let rt = Arc::new(empty_runtime());
            let own = path.with_extension("child");
            let server = Server::builder().path(&own).serve(&rt).unwrap();
            Client::connect(&own).unwrap().status().unwrap();
            drop(server);
            assert!(!own.exists() && path.exists());
        });
        seat.assert_serves();
        drop((seat, raw));
        wait_until("all is closed", || sockets_open() == before);
    });
}

#[test]
fn a_program_that_is_executed_inherits_no_descriptor() {
    in_a_process_of_its_own(|| {
        let seat = Seat::open();
        let _raw = seat.raw().hello();
        let mut list = Command::new("ls");
        // SAFETY: the closure does nothing; with one, the child is made by `fork` and not by `posix_spawn`.
        let forked = unsafe { Command::new("ls").arg("-l").arg("/proc/self/fd").pre_exec(|| Ok(())).output() };
        for output in [list.arg("-l").arg("/proc/self/fd").output(), forked] {
            let text = String::from_utf8(output.unwrap().stdout).unwrap();
            assert!(!text.contains("socket") && !text.contains("eventfd"), "{text}");
        }
        seat.assert_serves();
    });
}

#[test]
fn the_loop_blocks_all_signals_and_threads_for_requests_have_the_mask_of_the_program() {
    in_a_process_of_its_own(|| {
        let mut set = std::mem::MaybeUninit::uninit();
        // SAFETY: the pointer is valid.
        unsafe { libc::sigemptyset(set.as_mut_ptr()) };
        // SAFETY: the call has initialised it.
        let mut set = unsafe { set.assume_init() };
        // SAFETY: the set is initialised.
        unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR2) };
        // SAFETY: the pointer is valid, and nothing is written.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
        let seat = Seat::open();
        seat.assert_serves();
        let blocked = |name: &str| {
            let tasks = fs::read_dir("/proc/self/task").unwrap().flatten().map(|task| task.path());
            let mut of_name =
                tasks.filter(|task| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name));
            let task = of_name.next().unwrap_or_else(|| panic!("there is a thread `{name}`"));
            let status = fs::read_to_string(task.join("status")).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap().trim().to_owned();
            u64::from_str_radix(&mask, 16).unwrap()
        };
        let bit = |signal: i32| 1_u64 << (signal - 1);
        assert_ne!(blocked("lcr-control") & bit(libc::SIGTERM), 0);
        assert_ne!(blocked("lcr-control") & bit(libc::SIGUSR1), 0);
        assert_eq!(blocked("lcr-request"), bit(libc::SIGUSR2));
    });
}
