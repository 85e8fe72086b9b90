//! A program that opens its control socket and sells without end, for the tests of the command.
//!
//! It loads the components that its arguments name, unless its history has brought some back, and does what the lines
//! that it reads say: sells once or without end, or holds a world.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use lcr::{BoxError, Handle, Runtime, control, history::Reloaded};

#[path = "../components/contract.rs"]
mod contract;
use contract::{Clerk, Payment, Purchase, Till};

/// Threads that sell without end.
struct Busy {
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    counts: Arc<[AtomicU64; 2]>,
}

impl Busy {
    fn new(till: &Handle<dyn Till>) -> Busy {
        // Faults that a test asks for are panics, and not worth a line each.
        std::panic::set_hook(Box::new(|_| {}));
        let (end, counts) = (Arc::new(AtomicBool::new(false)), Arc::new([AtomicU64::new(0), AtomicU64::new(0)]));
        let sell = || {
            let (till, end, counts) = (till.clone(), Arc::clone(&end), Arc::clone(&counts));
            thread::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    let purchase = Purchase { cents: 100, paid: Payment::Card(7) };
                    let sold = catch_unwind(AssertUnwindSafe(|| till.take(purchase)));
                    counts[0].fetch_add(1, Ordering::Relaxed);
                    counts[1].fetch_add(u64::from(sold.is_err()), Ordering::Relaxed);
                    thread::yield_now();
                }
            })
        };
        let threads = (0..4).map(|_| sell()).collect();
        while counts[0].load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        Busy { end, threads, counts }
    }

    fn rest(self) -> (u64, u64) {
        self.end.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| drop(thread.join()));
        let [calls, failed] = &*self.counts;
        (calls.load(Ordering::Relaxed), failed.load(Ordering::Relaxed))
    }
}

fn main() -> Result<(), BoxError> {
    let mut builder = Runtime::builder().linked(false);
    if let Some(directory) = std::env::var_os("SHOP_HISTORY") {
        builder = builder.history(lcr::history::History::at(directory));
    }
    let runtime = Arc::new(builder.build()?);
    let is_back = runtime.history().is_some_and(|history| matches!(history.reloaded(), Reloaded::Confirmed { .. }));
    for file in std::env::args().skip(1).filter(|_| !is_back) {
        runtime.load(file)?;
    }
    let till: Handle<dyn Till> = runtime.service()?;
    let clerk = runtime.service::<dyn Clerk>().ok();
    let mut server = control::Server::builder();
    if let Some(path) = std::env::var_os("SHOP_SOCKET") {
        server = server.path(path);
    }
    if let Ok(user) = std::env::var("SHOP_LETS_IN") {
        server = server.allow_uid(user.parse()?);
    }
    if std::env::var_os("SHOP_READ_ONLY").is_some() {
        server = server.read_only(true);
    }
    let server = server.serve(&runtime)?;
    println!("{}", server.path().display());
    let (mut pin, mut patch, mut busy) = (None, None, None);
    for line in io::stdin().lines() {
        match line?.as_str() {
            "pin" => pin = Some(runtime.pin()),
            "unpin" => drop(pin.take()),
            "patch" => {
                let friendly = runtime.patch::<dyn Till>("friendly");
                let friendly = friendly.methods(|methods| methods.title(|next| next() + ", at your service"));
                patch = Some(friendly.commit()?);
            }
            "unpatch" => drop(patch.take()),
            "busy" => busy = Some(Busy::new(&till)),
            "rest" => {
                let (calls, failed) = busy.take().map_or((0, 0), Busy::rest);
                println!("{calls} calls, {failed} failed");
                continue;
            }
            "title" => {
                println!("{}", till.title());
                continue;
            }
            "sell" => {
                // A fault of a component is a panic here, which is an answer like others.
                let sold = catch_unwind(|| match &clerk {
                    Some(clerk) => clerk.sell(100),
                    None => till.take(Purchase { cents: 100, paid: Payment::Card(7) }).to_string(),
                });
                println!("{}", sold.unwrap_or_else(|_| "no".to_owned()));
                continue;
            }
            _ => return Ok(()),
        }
        println!("done");
    }
    Ok(())
}
