//! Servers that others wrote, under `sam run` as their operators would have it. A server that
//! is not installed is said to be missing, and is not tested.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use sam_tests::{Running, Subject, command::sam, command::words, send, wait_until};
use tempfile::TempDir;

/// The path of a server.
fn installed(name: &str) -> Option<String> {
    let found = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
        .map(|folder| format!("{folder}/{name}"))
        .into_iter()
        .find(|path| Path::new(path).exists());
    if found.is_none() {
        eprintln!("{name} is not installed: how it fares under sam is not tested here");
    }
    found
}

/// A port that nobody had a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One request on a connection of its own: the whole answer.
fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: here\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The same on a thread of its own, which has its first bytes when this returns: an answer that is
/// under way.
fn begin_to_get(port: u16, path: &'static str) -> thread::JoinHandle<io::Result<String>> {
    let (begun, begins) = mpsc::channel();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: here\r\n\r\n")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        let _ = begun.send(());
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    begins.recv_timeout(Duration::from_secs(20)).expect("an answer begins");
    client
}

/// Two clients that ask without a pause while `work` is done: how many answers they had, and
/// what went wrong.
fn under_load(port: u16, work: impl FnOnce()) -> (u32, Vec<String>) {
    let (answers, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    let client = || {
        let mut wrong = Vec::new();
        while !is_over.load(Ordering::Relaxed) {
            match get(port, "/") {
                Ok(answer)
                    if answer.starts_with("HTTP/1") && answer.contains(" 200 ") && answer.contains("version") =>
                {
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                other => wrong.push(format!("{other:?}")),
            }
        }
        wrong
    };
    let wrong = thread::scope(|scope| {
        let clients = [scope.spawn(client), scope.spawn(client)];
        work();
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    (answers.load(Ordering::Relaxed), wrong)
}

fn serves(port: u16, text: &str) -> bool {
    get(port, "/").is_ok_and(|answer| answer.contains(text))
}

fn nginx_configuration(folder: &Path, port: u16, version: u32) -> String {
    let folder = folder.display();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .concat();
    format!(
        "daemon off; user root; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; {temporary}\n\
         server {{ listen 127.0.0.1:{port}; root {folder}/www;\n\
         location = / {{ return 200 'version {version}'; }}\n\
         location /slow {{ limit_rate 200k; }} }} }}\n"
    )
}

#[test]
fn nginx_reloads_without_a_lost_request_is_replaced_when_killed_and_stops_gracefully() {
    let Some(nginx) = installed("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("nginx.conf");
    fs::create_dir(folder.path().join("www")).unwrap();
    fs::write(folder.path().join("www/slow"), "x".repeat(300_000)).unwrap();
    let configure = |version| fs::write(&file, nginx_configuration(folder.path(), port, version)).unwrap();
    configure(1);
    let arguments = ["-c", file.to_str().unwrap(), "-e", "/dev/null"];
    let running = Subject::by_command(&["--stop-signal", "QUIT"], &nginx, &arguments).start();
    wait_until("nginx serves", || serves(port, "version 1"));
    // A reload, as an operator does it, with an answer under way that outlasts it.
    let slow = begin_to_get(port, "/slow");
    let (answers, wrong) = under_load(port, || {
        for version in 2..5 {
            configure(version);
            running.signal(libc::SIGHUP);
            wait_until("the new version serves", || serves(port, &format!("version {version}")));
        }
    });
    assert!(answers > 0 && wrong.is_empty(), "{answers}: {wrong:?}");
    assert!(slow.join().unwrap().unwrap().ends_with(&"x".repeat(300_000)), "an answer under way was cut off");
    assert_eq!(running.events().iter().filter(|event| event["event"] == "started").count(), 1);
    // Killed: its workers go, too, so that the port is free for the next.
    send(i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap(), libc::SIGKILL);
    running.await_events("started", 2);
    wait_until("the next serves", || serves(port, "version 4"));
    // Stopped: an answer under way is finished.
    let slow = begin_to_get(port, "/slow");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 0);
    assert!(slow.join().unwrap().unwrap().ends_with(&"x".repeat(300_000)), "an answer under way was cut off");
}

#[test]
fn nginx_in_the_background_is_told_what_to_do() {
    let Some(nginx) = installed("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nginx.conf");
    let text = nginx_configuration(folder.path(), free_port(), 1).replace("daemon off;", "daemon on;");
    fs::write(&file, text).unwrap();
    let output = sam(&["run", "--", &nginx, "-c", file.to_str().unwrap(), "-e", "/dev/null"]);
    let text = words(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("ran on") && text.contains("`daemon off;`"), "{text}");
}

#[test]
fn haproxy_reloads_without_a_lost_request_and_stops_gracefully() {
    let Some(haproxy) = installed("haproxy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("haproxy.cfg");
    let configure = |version: u32| {
        let text = format!(
            "global\n  stats socket {0}/stats level admin expose-fd listeners\n\
             defaults\n  mode http\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s\n\
             frontend here\n  bind 127.0.0.1:{port}\n\
             \x20 http-request return status 200 content-type text/plain string \"version {version}\"\n",
            folder.path().display()
        );
        fs::write(&file, text).unwrap();
    };
    configure(1);
    let options = ["--notify", "main", "--stop-signal", "USR1"];
    let running = Subject::by_command(&options, &haproxy, &["-Ws", "-q", "-f", file.to_str().unwrap()]).start();
    running.await_events("ready", 1);
    wait_until("haproxy serves", || serves(port, "version 1"));
    let (answers, wrong) = under_load(port, || {
        for version in 2..4 {
            configure(version);
            running.signal(libc::SIGUSR2);
            wait_until("the new version serves", || serves(port, &format!("version {version}")));
        }
    });
    assert!(answers > 0 && wrong.is_empty(), "{answers}: {wrong:?}");
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.of("started").len(), seen.of("killed").len()), (1, 0), "{:?}", seen.events);
}

#[test]
fn gunicorn_reloads_without_a_lost_request_and_stops_gracefully() {
    let Some(gunicorn) = installed("gunicorn") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let module = "import time\n\
                  version = open('version').read()\n\
                  def slow():\n    yield b'begun'\n    time.sleep(1.5)\n    yield b' and done'\n\
                  def app(environ, start):\n    start('200 OK', [])\n\
                  \x20   return slow() if environ['PATH_INFO'] == '/slow' else [b'version ' + version.encode()]\n";
    fs::write(folder.path().join("service.py"), module).unwrap();
    let configure = |version: u32| fs::write(folder.path().join("version"), version.to_string()).unwrap();
    configure(1);
    let bind = format!("127.0.0.1:{port}");
    let dir = folder.path().to_str().unwrap();
    let arguments = ["--chdir", dir, "-w", "2", "-b", &bind, "--log-level", "critical", "service:app"];
    let running = Subject::by_command(&["--notify", "main"], &gunicorn, &arguments).start();
    wait_until("gunicorn serves", || serves(port, "version 1"));
    // Workers leave with the connections that their queue had if they are signalled themselves.
    let slow = begin_to_get(port, "/slow");
    configure(2);
    running.signal(libc::SIGHUP);
    wait_until("the new version serves", || serves(port, "version 2"));
    assert!(slow.join().unwrap().unwrap().ends_with("begun and done"), "an answer under way was cut off");
    assert_eq!(running.events().iter().filter(|event| event["event"] == "started").count(), 1);
    let slow = begin_to_get(port, "/slow");
    running.signal(libc::SIGTERM);
    assert!(slow.join().unwrap().unwrap().ends_with("begun and done"), "an answer under way was cut off");
    assert_eq!(running.end().code(), 0);
}

#[test]
fn redis_is_ready_by_its_own_word_is_replaced_when_killed_with_its_data_and_stops_cleanly() {
    let Some(redis) = installed("redis-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().to_string();
    let dir = folder.path().to_str().unwrap();
    let arguments = [
        "--port",
        &port,
        "--bind",
        "127.0.0.1",
        "--dir",
        dir,
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
        "--supervised",
        "systemd",
        "--logfile",
        "/dev/null",
    ];
    let running = Subject::by_command(&["--notify", "main"], &redis, &arguments).start();
    running.await_events("ready", 1);
    let ask = |question: &str| -> io::Result<String> {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(format!("{question}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    assert!(ask("SET key value").unwrap().starts_with("+OK"));
    send(i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap(), libc::SIGKILL);
    running.await_events("ready", 2);
    assert!(ask("GET key").unwrap().contains("value"));
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 0);
}

/// PostgreSQL's programs, which Debian keeps out of `PATH`, and a cluster of its own. It refuses to
/// run as root, so the superuser's is nobody's.
struct Postgres {
    programs: PathBuf,
    folder: TempDir,
}

impl Postgres {
    fn new() -> Option<Postgres> {
        let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut found: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
        found.retain(|programs| programs.join("postgres").exists());
        found.sort();
        let Some(programs) = found.pop() else {
            eprintln!("postgres is not installed: how it fares under sam is not tested here");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // SAFETY: takes no pointers.
        if unsafe { libc::geteuid() } == 0 {
            unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let postgres = Postgres { programs, folder };
        let (program, arguments) = postgres.command("initdb", &["-U", "owner", "-A", "trust", "-N", "-D"]);
        let made = Command::new(program).args(arguments).arg(postgres.folder.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", words(&made.stderr));
        Some(postgres)
    }

    /// What is executed for one of its programs.
    fn command(&self, name: &str, arguments: &[&str]) -> (String, Vec<String>) {
        let program = self.programs.join(name).to_str().unwrap().to_owned();
        let arguments = arguments.iter().map(|&argument| argument.to_owned());
        // SAFETY: takes no pointers.
        if unsafe { libc::geteuid() } != 0 {
            return (program, arguments.collect());
        }
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned);
        (installed("setpriv").unwrap(), user.into_iter().chain([program]).chain(arguments).collect())
    }

    fn supervised(&self, options: &[&str]) -> Running {
        let folder = self.folder.path().to_str().unwrap();
        let data = format!("{folder}/data");
        let (program, arguments) = self.command("postgres", &["-D", &data, "-k", folder, "-c", "listen_addresses="]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let options = [&["--notify", "main"], options].concat();
        let mut subject = Subject::by_command(&options, &program, &arguments);
        subject.command().stderr(fs::File::create(self.folder.path().join("log")).unwrap());
        let running = subject.start();
        running.await_events("ready", 1);
        running
    }

    fn client(&self, questions: &[&str]) -> Command {
        let mut client = Command::new(self.programs.join("psql"));
        client.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "owner", "-d", "postgres", "-h"]);
        client.arg(self.folder.path()).stdin(Stdio::null());
        for question in questions {
            client.args(["-c", question]);
        }
        client
    }

    /// The whole answer, or what went wrong.
    fn ask(&self, question: &str) -> Result<String, String> {
        let output = self.client(&[question]).output().unwrap();
        let text = words(&output.stdout).trim_end().to_owned();
        if output.status.success() { Ok(text) } else { Err(words(&output.stderr)) }
    }

    /// A client whose second question is being answered when this returns; the answer is `done`.
    fn begin_to_ask(&self) -> Child {
        let mut client = self.client(&["SELECT pg_backend_pid()", "SELECT 'done' FROM pg_sleep(1.5)"]);
        let mut client = client.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pid = String::new();
        // Byte by byte, as the rest is for whoever waits for the client.
        let mut byte = [0];
        while client.stdout.as_mut().unwrap().read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            pid.push(byte[0].into());
        }
        let sleeps = format!("SELECT wait_event FROM pg_stat_activity WHERE pid = {pid}");
        wait_until("the question is being answered", || self.ask(&sleeps).is_ok_and(|text| text == "PgSleep"));
        client
    }
}

/// The user and the group that own nothing.
const NOBODY: u32 = 65534;

fn main_process(running: &Running) -> i32 {
    i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap()
}

#[test]
fn postgres_reloads_without_a_lost_query_and_a_smart_stop_waits_for_its_clients() {
    let Some(postgres) = Postgres::new() else { return };
    let running = postgres.supervised(&["--stop-signal", "TERM", "--stop-limit", "60s"]);
    let configure = |version: u32| {
        let file = postgres.folder.path().join("data/postgresql.conf");
        let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
        writeln!(file, "the.version = '{version}'").unwrap();
    };
    let (is_over, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let slow = postgres.begin_to_ask();
    let wrong: Vec<_> = thread::scope(|scope| {
        let client = scope.spawn(|| {
            let mut wrong = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                match postgres.ask("SELECT count(*) > 0 FROM pg_class") {
                    Ok(answer) if answer == "t" => drop(answers.fetch_add(1, Ordering::Relaxed)),
                    other => wrong.push(other),
                }
            }
            wrong
        });
        for version in 1..4 {
            configure(version);
            running.signal(libc::SIGHUP);
            let question = "SELECT current_setting('the.version', true)";
            wait_until("the new version serves", || postgres.ask(question).unwrap() == version.to_string());
        }
        is_over.store(true, Ordering::Relaxed);
        client.join().unwrap()
    });
    assert!(answers.into_inner() > 0 && wrong.is_empty(), "{wrong:?}");
    let slow = slow.wait_with_output().unwrap();
    assert_eq!((words(&slow.stdout), words(&slow.stderr)), ("done\n".to_owned(), String::new()));
    let slow = postgres.begin_to_ask();
    running.signal(libc::SIGINT);
    let slow = slow.wait_with_output().unwrap();
    assert_eq!((words(&slow.stdout), words(&slow.stderr)), ("done\n".to_owned(), String::new()));
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (0, 1, 0), "{:?}", seen.events);
}

#[test]
fn postgres_has_what_was_committed_when_it_was_killed_or_hung_and_a_fast_stop_waits_for_nobody() {
    let Some(postgres) = Postgres::new() else { return };
    let ready = postgres.programs.join("pg_isready");
    let probe = format!("{} -q -t 2 -h {}", ready.display(), postgres.folder.path().display());
    let watched = ["--probe", &probe, "--probe-every", "100ms", "--probe-failures", "2", "--warn-signal", "QUIT"];
    let running = postgres.supervised(&[&watched[..], &["--stop-signal", "INT"]].concat());
    postgres.ask("CREATE TABLE kept (number int)").unwrap();
    let keep = |number: u32| postgres.ask(&format!("INSERT INTO kept VALUES ({number})")).unwrap();
    let kept = || postgres.ask("SELECT string_agg(number::text, ' ' ORDER BY number) FROM kept").unwrap();
    keep(1);
    // Its processes have sessions of their own; while one lived, the next would refuse to begin.
    let slow = postgres.begin_to_ask();
    send(main_process(&running), libc::SIGKILL);
    assert!(!slow.wait_with_output().unwrap().status.success());
    running.await_events("ready", 2);
    assert_eq!(kept(), "1");
    keep(2);
    // Hung.
    send(main_process(&running), libc::SIGSTOP);
    running.await_events("ready", 3);
    assert_eq!(running.events().iter().filter(|event| event["cause"] == "probe").count(), 2, "warned and ended");
    assert_eq!(kept(), "1 2");
    keep(3);
    let slow = postgres.begin_to_ask();
    running.signal(libc::SIGTERM);
    assert!(words(&slow.wait_with_output().unwrap().stderr).contains("administrator command"));
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (0, 3, 0), "{:?}", seen.events);
    let running = postgres.supervised(&[]);
    assert_eq!(kept(), "1 2 3");
    running.signal(libc::SIGINT);
    assert_eq!(running.end().code(), 0);
}
