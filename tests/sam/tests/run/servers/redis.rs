//! Redis.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use sam_tests::{Subject, send};

use super::{free_port, installed, main_process};

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
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        stream.write_all(format!("{question}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    assert!(ask("SET key value").unwrap().starts_with("+OK"));
    send(main_process(&running), libc::SIGKILL);
    running.await_events("ready", 2);
    assert!(ask("GET key").unwrap().contains("value"));
    running.signal(libc::SIGTERM);
    assert_eq!(running.end().code(), 0);
}
