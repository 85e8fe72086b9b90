//! What a control socket costs: opening it, a look at the status by a new client, and one by a client that stays. Also
//! beside a load of clients that follow events. And what an operator waits for: `lcr ls` as a command, and a start with
//! a long history.
//!
//! `cargo bench -p lcr-benches --bench control` prints tables: the median, the 99th of 100, and the most. It builds the
//! command in the release profile.

mod command;
mod history;

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use lcr::{
    Runtime,
    control::{Client, Server},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ROUNDS: usize = 500;

fn main() -> Outcome<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("bench.sock");
    let build = || Runtime::builder().build();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // In turn, so that both meet the same machine.
        without.push(time(|| build().map(drop))?);
        let began = Instant::now();
        let rt = Arc::new(build()?);
        let server = Server::builder().path(&path).serve(&rt)?;
        with.push(began.elapsed());
        drop(server);
    }
    show("a runtime, made and dropped", &mut without);
    show("a runtime and its socket, made", &mut with);

    let rt = Arc::new(build()?);
    let server = Server::builder().path(&path).serve(&rt)?;
    let mut first = vec![time(|| Client::connect(server.path())?.status())?];
    show("status by the first client of a server", &mut first);
    let mut new = Vec::new();
    for _ in 0..ROUNDS {
        new.push(time(|| Client::connect(server.path())?.status())?);
    }
    show("status by a new client", &mut new);
    let mut client = Client::connect(server.path())?;
    let mut staying = Vec::new();
    for _ in 0..ROUNDS {
        staying.push(time(|| client.status())?);
    }
    show("status by a client that stays", &mut staying);
    let followers: Vec<_> =
        (0..16).map(|_| Client::connect(server.path())?.events()).collect::<Result<_, lcr::Error>>()?;
    let mut beside = Vec::new();
    for _ in 0..ROUNDS {
        // An event, which all of them are sent.
        drop(rt.plan().remove("no such component").commit());
        beside.push(time(|| client.status())?);
    }
    show("status beside 16 clients that do not read", &mut beside);
    drop(followers);
    drop((server, rt));
    history::measure()?;
    command::measure(&path)
}

fn time<T>(work: impl FnOnce() -> Result<T, lcr::Error>) -> Result<Duration, lcr::Error> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

fn show(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("| {what} | {:.1?} | {:.1?} | {:.1?} |", at(50), at(99), at(100));
}
