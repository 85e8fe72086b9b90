//! What a long history costs: the start of a process that has one, beside a start that has none, and its last entries.
//!
//! Half of the entries are commits, half are refusals. They are written to memory, since each is synced, and then
//! copied to the disk. So the files are in the page cache, as they are for a program that starts again.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use lcr::{Runtime, history::History};

use crate::{Outcome, show, time};

const ENTRIES: usize = 10_000;
const ROUNDS: usize = 100;

#[lcr::interface(name = "bench.clock", version = 1)]
trait Clock {
    fn now(&self) -> u64;
}

struct Fixed(u64);

impl Clock for Fixed {
    fn now(&self) -> u64 {
        self.0
    }
}

pub(crate) fn measure() -> Outcome<()> {
    let memory = Path::new("/dev/shm");
    let written = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    // The entries that the starts below add are kept, too.
    let start = |directory: &Path| Runtime::builder().history(History::at(directory).keep(2 * ENTRIES)).build();
    let rt = start(written.path())?;
    for number in 0..ENTRIES / 2 {
        let name = format!("clock-{}", number % 20);
        rt.plan().provide::<dyn Clock, _>(&name, Arc::new(Fixed(number as u64)))?.reason("a measurement").commit()?;
        drop(rt.plan().remove("no such component").commit());
    }
    drop(rt);
    let directory = tempfile::tempdir()?;
    let journal = directory.path().join("journal.jsonl");
    fs::copy(written.path().join("journal.jsonl"), &journal)?;
    let bytes = fs::metadata(&journal)?.len();
    drop(written);

    let (mut without, mut with, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(time(|| Runtime::builder().build().map(drop))?);
        let began = Instant::now();
        let rt = start(directory.path())?;
        with.push(began.elapsed());
        let history = rt.history().ok_or("there is no history")?;
        history.state()?;
        entries.push(time(|| history.entries(20))?);
    }
    let mut more: Vec<Duration> =
        with.iter().zip(&without).map(|(with, without)| with.saturating_sub(*without)).collect();
    println!("| a history of {ENTRIES} entries, {} MiB | median | 99 % | most |", bytes >> 20);
    show("a start with it", &mut with);
    show("a start with it, less a start without", &mut more);
    show("its last 20 entries", &mut entries);
    Ok(())
}
