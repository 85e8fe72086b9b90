//! Well-known servers under `sam run`, with the options that an operator would give. If a server is not
//! installed, its tests print that and pass.

mod postgres;
mod redis;
mod web;

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process,
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use sam_tests::Running;

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

/// A port that was free a moment ago.
fn free_port() -> u16 {
    // The kernel gives clients the ports from 32,768 on, so a connection of another test takes none of these
    // before the server does.
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = process::id() % 300 * 64 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + u16::try_from(number % 20_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Sends one request on a connection of its own, and returns the whole answer.
fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: here\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Does the same on a thread of its own, and returns when the first bytes of the answer have come, so that an
/// answer is under way.
fn begin_to_get(port: u16, path: &'static str) -> thread::JoinHandle<io::Result<String>> {
    let (begun, begins) = mpsc::channel();
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: here\r\n\r\n")?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        let _ = begun.send(());
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    });
    begins.recv_timeout(Duration::from_secs(120)).expect("an answer begins");
    client
}

/// Has two clients send requests without a pause during `work`. Returns how many answers they got, and their
/// errors.
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
        let result = panic::catch_unwind(AssertUnwindSafe(work));
        is_over.store(true, Ordering::Relaxed);
        if let Err(failure) = result {
            panic::resume_unwind(failure);
        }
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    (answers.load(Ordering::Relaxed), wrong)
}

fn serves(port: u16, text: &str) -> bool {
    get(port, "/").is_ok_and(|answer| answer.contains(text))
}

/// The process id of the supervised main process.
fn main_process(running: &Running) -> i32 {
    i32::try_from(running.status()["pid"].as_i64().unwrap()).unwrap()
}
