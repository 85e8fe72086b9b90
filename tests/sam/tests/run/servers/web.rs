//! nginx, haproxy and gunicorn.

use std::{fs, path::Path};

use sam_tests::{
    Subject,
    command::{sam, words},
    lives, send, wait_until,
};

use super::{begin_to_get, free_port, installed, main_process, serves, under_load};

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
    // An operator reloads the server while a long answer is under way.
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
    // The main process is killed. Its workers are killed, too, so the port is free for the next instance.
    send(main_process(&running), libc::SIGKILL);
    running.await_events("started", 2);
    wait_until("the next serves", || serves(port, "version 4"));
    // The server is stopped, and finishes an answer that is under way.
    let slow = begin_to_get(port, "/slow");
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 0);
    assert!(slow.join().unwrap().unwrap().ends_with(&"x".repeat(300_000)), "an answer under way was cut off");
}

#[test]
fn nginx_that_goes_into_the_background_ends_with_a_line_that_says_what_to_do() {
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

/// Whether a process has a handler for a signal and does not hold the signal back.
fn handles(process: i64, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let has = |set: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix(set)).map_or("", str::trim);
        u64::from_str_radix(mask, 16).is_ok_and(|mask| mask >> (signal - 1) & 1 == 1)
    };
    has("SigCgt:") && !has("SigBlk:")
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
    let master = running.status()["pid"].as_i64().unwrap();
    let is_settled = || handles(master, libc::SIGUSR2);
    let (answers, wrong) = under_load(port, || {
        for version in 2..4 {
            configure(version);
            // While haproxy starts anew for a reload, it drops a further one.
            wait_until("haproxy handles the signal to reload", is_settled);
            running.signal(libc::SIGUSR2);
            wait_until("the new version serves", || serves(port, &format!("version {version}")));
        }
    });
    assert!(answers > 0 && wrong.is_empty(), "{answers}: {wrong:?}");
    wait_until("haproxy handles signals again", is_settled);
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
    // A worker that gets the signal itself would drop the connections in its queue.
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
fn nginx_in_the_foreground_refuses_its_upgrade_and_goes_on() {
    let Some(nginx) = installed("nginx") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let file = folder.path().join("nginx.conf");
    fs::write(&file, nginx_configuration(folder.path(), port, 1)).unwrap();
    let arguments = ["-c", file.to_str().unwrap(), "-e", "/dev/null"];
    let running = Subject::by_command(&["--stop-signal", "QUIT"], &nginx, &arguments).start();
    wait_until("nginx serves", || serves(port, "version 1"));
    // nginx takes its parent process for the old version, which would have to end first.
    running.signal(libc::SIGUSR2);
    let log = folder.path().join("error.log");
    wait_until("nginx logs that", || fs::read_to_string(&log).unwrap_or_default().contains("signal is ignored"));
    assert!(serves(port, "version 1"));
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len()), (0, 1), "{:?}", seen.events);
}

#[test]
fn gunicorn_is_upgraded_without_a_lost_request_and_an_upgrade_can_be_taken_back() {
    let Some(gunicorn) = installed("gunicorn") else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let module = "version = open('version').read()\n\
                  def app(environ, start):\n    start('200 OK', [])\n    return [b'version ' + version.encode()]\n";
    fs::write(folder.path().join("service.py"), module).unwrap();
    // gunicorn's documentation tells to do this for systemd.
    let hook = "import os\nfrom gunicorn.systemd import sd_notify\n\
                def when_ready(server):\n    sd_notify(f'READY=1\\nMAINPID={os.getpid()}', server.log)\n";
    fs::write(folder.path().join("gunicorn.conf.py"), hook).unwrap();
    let configure = |version: u32| fs::write(folder.path().join("version"), version.to_string()).unwrap();
    configure(1);
    let (bind, dir) = (format!("127.0.0.1:{port}"), folder.path().to_str().unwrap());
    let configuration = folder.path().join("gunicorn.conf.py");
    let configuration = configuration.to_str().unwrap();
    // A worker that is told to end before it handles signals is waited for until this time has passed.
    let patience = ["--graceful-timeout", "5"];
    let arguments = ["-c", configuration, "--chdir", dir, "-w", "2", "-b", &bind, "--log-level", "critical"];
    let arguments = [&arguments[..], &patience, &["service:app"]].concat();
    let running = Subject::by_command(&["--notify", "group"], &gunicorn, &arguments).start();
    wait_until("gunicorn serves", || serves(port, "version 1"));
    let old = main_process(&running);
    let (answers, wrong) = under_load(port, || {
        // The upgrade is taken back: the new main process ends.
        configure(2);
        running.signal(libc::SIGUSR2);
        running.await_events("handed over", 1);
        wait_until("the status names the new one", || main_process(&running) != old);
        let new = main_process(&running);
        wait_until("the new version serves, too", || serves(port, "version 2"));
        send(new, libc::SIGTERM);
        running.await_events("handed over", 2);
        wait_until("the old one is the main process again", || main_process(&running) == old);
        // The upgrade is kept: the old main process ends.
        configure(3);
        running.signal(libc::SIGUSR2);
        running.await_events("handed over", 3);
        wait_until("the new version serves, too", || serves(port, "version 3"));
        send(old, libc::SIGTERM);
        wait_until("the old one is gone", || !lives(old));
    });
    assert!(answers > 0 && wrong.is_empty(), "{answers}: {wrong:?}");
    for _ in 0..10 {
        assert!(serves(port, "version 3"));
    }
    running.signal(libc::SIGTERM);
    let seen = running.end();
    assert_eq!((seen.code(), seen.of("started").len(), seen.of("killed").len()), (0, 1, 0), "{:?}", seen.events);
}
