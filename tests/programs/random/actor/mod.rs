//! One thread of a random program, and the operations that it draws: calls ([`calls`]), operations on handles and
//! pins ([`holds`]), and changes of the runtime (`changes`).

mod calls;
mod holds;

use std::{
    cell::{Cell, RefCell},
    fmt,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use lcr::{Handle, Pin};
use lcr_tests::till::v1::Till;

use crate::{
    agent::Agent,
    stage::{Account, House, Stage},
};

/// How deep operations may nest: an operation begins further ones from inside of its calls.
const DEEPEST: u32 = 3;

/// A thread's part of the program.
pub struct Actor {
    pub stage: Arc<Stage>,
    pub number: usize,
    rng: RefCell<fastrand::Rng>,
    depth: Cell<u32>,
    steps: Cell<u64>,
    /// A till of its own, and the sum in it.
    own: RefCell<Option<(Handle<dyn Till>, u64)>>,
    pins: RefCell<Vec<Pin>>,
    agents: RefCell<Vec<Handle<dyn Agent>>>,
}

/// The result of an operation, for the log.
pub type Outcome = Result<String, String>;

/// An outcome whose success has no text.
pub fn said<T>(result: Result<T, impl fmt::Display>) -> Outcome {
    result.map(|_| String::new()).map_err(|error| error.to_string())
}

impl Actor {
    pub fn new(stage: Arc<Stage>, seed: u64, number: usize) -> Actor {
        let rng = fastrand::Rng::with_seed(seed.wrapping_mul(1_000_003) ^ number as u64);
        Actor {
            stage,
            number,
            rng: RefCell::new(rng),
            depth: Cell::new(0),
            steps: Cell::new(0),
            own: RefCell::new(None),
            pins: RefCell::new(Vec::new()),
            agents: RefCell::new(Vec::new()),
        }
    }

    /// A random number.
    pub fn draw(&self, range: Range<u64>) -> u64 {
        self.rng.borrow_mut().u64(range)
    }

    /// True once in `times` times.
    pub fn once_in(&self, times: u64) -> bool {
        self.draw(0..times) == 0
    }

    pub fn house(&self) -> Arc<House> {
        self.stage.house(self.draw(0..2) as usize)
    }

    /// Draws and executes one operation.
    pub fn step(&self) {
        if self.depth.get() >= DEEPEST {
            return;
        }
        let (depth, step) = (self.depth.get(), self.steps.get());
        self.steps.set(step + 1);
        self.depth.set(depth + 1);
        if depth == 0 {
            self.stage.log.busy(self.number, true);
            self.let_go();
        }
        let run = || match self.draw(0..100) {
            0..70 => self.call(),
            70..86 => self.hold(),
            _ => self.change(),
        };
        // Only the code of authors panics, on either side of the border; `must!` aborts instead.
        let outcome = panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().cloned();
            Err(format!("panic: {}", text.unwrap_or_default()))
        });
        let (Ok(text) | Err(text)) = &outcome;
        let verdict = if outcome.is_ok() { "ok" } else { "refused" };
        self.log(format_args!("#{step} {verdict} {}", text.replace('\n', " ")));
        self.depth.set(depth);
        if depth == 0 {
            self.stage.log.busy(self.number, false);
        }
    }

    /// Writes to the log.
    pub fn log(&self, what: fmt::Arguments<'_>) {
        self.stage.log.write(format_args!("{}{:>2$} {what}", self.number, ":", self.depth.get() as usize * 2));
    }

    /// Mostly drops the pins, for which a hand-over would wait.
    fn let_go(&self) {
        let pins = if self.once_in(3) { Vec::new() } else { self.pins.take() };
        let pinned = if self.once_in(4) { self.stage.pinned.drain() } else { Vec::new() };
        drop((pins, pinned));
    }

    /// Ends the thread's part, and returns the number of its steps.
    pub fn end(self) -> u64 {
        self.steps.get()
    }

    /// A till that threads share, and its account.
    fn till(&self) -> (Handle<dyn Till>, Arc<Account>) {
        let at = self.draw(0..24) as usize;
        let found = if self.once_in(2) { self.stage.tills.peek(at) } else { None };
        found.unwrap_or_else(|| {
            let house = self.house();
            (house.till.clone(), Arc::clone(&house.account))
        })
    }
}
