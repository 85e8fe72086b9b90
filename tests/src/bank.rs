//! A bank on three floors, each a scripted component, and the harness for it.
//!
//! The branch depends on the teller, and the teller on the vault. Vault and teller have state, and exist in two
//! versions with two versions of state. The clock has no state.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use lcr::{Handle, Runtime};
use tempfile::TempDir;

use crate::{component, empty_runtime, script::Script, wait_until};

/// Keeps a sum.
#[lcr::interface(name = "bank.vault", version = 1, mocks, patches)]
pub trait Vault {
    /// Adds and returns the sum.
    fn add(&self, n: u64) -> u64;
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}

/// Keeps the number of its customers, and gives their money to the vault.
#[lcr::interface(name = "bank.teller", version = 1, deps(Vault))]
pub trait Teller {
    /// Adds to the vault and returns its sum.
    fn deposit(&self, n: u64) -> u64;
    /// How many deposits there were.
    fn customers(&self) -> u64;
    /// Which implementations this and its vault are.
    fn versions(&self) -> (u32, u32);
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}

/// Calls the teller.
#[lcr::interface(name = "bank.branch", version = 1, deps(Teller))]
pub trait Branch {
    /// The teller's.
    fn deposit(&self, n: u64) -> u64;
    /// The teller's.
    fn versions(&self) -> (u32, u32);
}

/// A clock, which has no state.
#[lcr::interface(name = "bank.clock", version = 1, mocks, patches)]
pub trait Clock {
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}

/// An alarm.
#[lcr::interface(name = "bank.alarm", version = 1)]
pub trait Alarm {
    /// Rings once more; returns how often it rang.
    fn ring(&self) -> u64;
}

/// A runtime with a bank of version 1 in use.
pub struct Bank {
    /// The vault of the bank.
    pub vault: Handle<dyn Vault>,
    /// The teller of the bank.
    pub teller: Handle<dyn Teller>,
    /// The branch of the bank.
    pub branch: Handle<dyn Branch>,
    /// The script of the three components.
    pub script: Script,
    /// The runtime.
    pub rt: Runtime,
    directory: TempDir,
}

impl Bank {
    /// Opens a bank, without what is linked into the test.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub fn open() -> Bank {
        let directory = tempfile::tempdir().expect("a directory for the script");
        let script = Script::new(directory.path());
        let rt = empty_runtime();
        let plan = rt.plan().add(component("vault_v1")).add(component("teller_v1")).add(component("branch_v1"));
        plan.commit().expect("the bank is loaded");
        for name in ["vault", "teller", "branch"] {
            rt.configure(name, &script).expect("the bank is configured");
        }
        let branch = rt.service().expect("a branch");
        let (vault, teller) = (rt.service().expect("a vault"), rt.service().expect("a teller"));
        Bank { vault, teller, branch, script, rt, directory }
    }

    /// Closes it: drops the handles, waits until all that was constructed is destroyed,
    /// and drops the runtime.
    ///
    /// # Panics
    /// If an object is left.
    pub fn close(self) {
        let Bank { vault, teller, branch, rt, directory, .. } = self;
        drop((vault, teller, branch));
        wait_until("every object is destroyed", || {
            let status = rt.status();
            status.constructed == status.destroyed
        });
        let status = rt.status();
        assert_eq!((status.instances, status.retiring, status.handles), (0, 0, 0), "{status:#?}");
        drop(rt);
        drop(directory);
    }
}

/// Customers who keep depositing 1 until they are counted.
pub struct Customers {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Customers {
    /// Sends them in.
    ///
    /// # Panics
    /// If there can be no thread.
    pub fn of(branch: &Handle<dyn Branch>) -> Customers {
        let (branch, stop) = (branch.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("customers".to_owned()).spawn(move || {
            let mut served = 0;
            while !stopped.load(Ordering::Relaxed) {
                branch.deposit(1);
                served += 1;
            }
            served
        });
        Customers { stop, thread: thread.expect("a thread") }
    }

    /// How many were served; none of them in vain.
    ///
    /// # Panics
    /// If a deposit failed.
    pub fn count(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no deposit fails")
    }
}
