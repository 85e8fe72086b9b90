//! One thread of a random program, and what it does with handles.

use std::{
    cell::{Cell, RefCell},
    fmt, fs,
    ops::Range,
    os::unix::fs::MetadataExt as _,
    os::unix::process::CommandExt as _,
    panic::{self, AssertUnwindSafe},
    process::Command,
    sync::{Arc, Weak},
    thread,
};

use lcr::{Fault, FaultKind, Handle, Pin, Serde};
use lcr_tests::till::{Clerk, Moods, Parcel, Part, Sums, answer_of, bytes_of, v1::Till, v2};

use crate::{
    agent::Agent,
    keepsake::Keepsake,
    stage::{Account, Callback, House, Stage},
};

/// How deep operations begin others, from inside of what they call.
const DEEPEST: u32 = 3;

/// A thread's part of the program.
pub struct Actor {
    pub stage: Arc<Stage>,
    pub number: usize,
    rng: RefCell<fastrand::Rng>,
    depth: Cell<u32>,
    steps: Cell<u64>,
    /// A till of its own, and what that has.
    own: RefCell<Option<(Handle<dyn Till>, u64)>>,
    pins: RefCell<Vec<Pin>>,
    agents: RefCell<Vec<Handle<dyn Agent>>>,
}

/// What an operation came to, for the log.
pub type Outcome = Result<String, String>;

/// An outcome of which the success says nothing.
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

    /// True once in so many times.
    pub fn once_in(&self, times: u64) -> bool {
        self.draw(0..times) == 0
    }

    pub fn house(&self) -> Arc<House> {
        self.stage.house(self.draw(0..2) as usize)
    }

    /// One operation.
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
        // What panics is the author's code, here or there; what must hold aborts.
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

    /// Mostly lets go of what a hand-over waits for.
    fn let_go(&self) {
        let pins = if self.once_in(3) { Vec::new() } else { self.pins.take() };
        let pinned = if self.once_in(4) { self.stage.pinned.drain() } else { Vec::new() };
        drop((pins, pinned));
    }

    /// Ends the thread's part: how many steps there were.
    pub fn end(self) -> u64 {
        self.steps.get()
    }

    /// Some till, and its account if it is one that all share.
    fn till(&self) -> (Handle<dyn Till>, Arc<Account>) {
        let at = self.draw(0..24) as usize;
        let found = if self.once_in(2) { self.stage.tills.peek(at) } else { None };
        found.unwrap_or_else(|| {
            let house = self.house();
            (house.till.clone(), Arc::clone(&house.account))
        })
    }

    /// Adds to a shared till, by whatever it is called through.
    fn add(&self, till: &impl Till, account: &Account) -> Outcome {
        let (key, amount) = (self.draw(0..8) as u8, self.draw(0..1000));
        let before = account.acknowledged();
        account.try_to(amount);
        match till.add(key, amount) {
            Ok(sum) => {
                account.arrived(amount);
                must!(sum >= amount && sum <= account.tried(), "the sum of a key is {sum} of {}", account.tried());
                let sums = till.sums();
                self.check(sums.as_ref().map(|sums| &sums.0), before + amount, account.tried());
                said(sums)
            }
            Err(fault) => {
                must!(fault.kind() != FaultKind::Panic, "an addition panicked: {fault}");
                Err(fault.to_string())
            }
        }
    }

    /// Whether sums are whole, and between what must and what may be there.
    fn check(&self, sums: Result<&Sums, &Fault>, least: u64, most: u64) {
        if let Ok(sums) = sums {
            let total: u64 = sums.sums.values().sum();
            must!(sums.is_whole(), "torn: {sums:?}");
            must!((least..=most).contains(&total), "{total} is not between {least} and {most}");
        }
    }

    /// An operation that calls.
    fn call(&self) -> Outcome {
        let what = self.draw(0..30);
        self.log(format_args!("call {what}"));
        let (till, account) = self.till();
        match what {
            0..4 => self.add(&till, &account),
            4..7 => self.add_to_own(),
            7 => {
                let least = account.acknowledged();
                let sums = till.sums();
                self.check(sums.as_ref().map(|sums| &sums.0), least, u64::MAX);
                said(sums)
            }
            8 => {
                let text = "x".repeat(self.draw(0..20) as usize);
                let fault = till.fail(&text).err();
                must!(fault.is_some(), "a panic came to nothing");
                if fault.as_ref().is_some_and(|fault| fault.kind() == FaultKind::Panic) {
                    must!(fault.as_ref().is_some_and(|fault| fault.message() == text), "{fault:?}");
                }
                Ok(String::new())
            }
            9 => {
                let panicked = panic::catch_unwind(AssertUnwindSafe(|| till.fail_plainly("so it is")));
                must!(panicked.is_err(), "a panic came to nothing");
                Ok(String::new())
            }
            10..13 => self.lend(&till),
            13 => self.lend_to_threads(&till),
            14 => said(till.keep(self.callback())),
            15 => {
                let callback = self.shared_callback();
                said(till.keep_shared(Box::new(callback)))
            }
            16 => said(till.ring(self.draw(0..100), self.once_in(2))),
            17 => said(till.let_go()),
            18 | 19 => self.bytes(&till),
            20 => self.swap_bytes(&till),
            21 | 22 => self.turn(&till),
            23 => self.sort(&till),
            24 => {
                let other = self.till().0;
                let passed = till.pass(other);
                said(passed.and_then(|(_, back)| back.linger(0)))
            }
            25 => {
                let depth = self.draw(0..90) as u32;
                let deep = till.nest(till.clone(), depth);
                must!(deep.as_ref().map_or(true, |deep| *deep == depth + 1), "nested {deep:?} deep, not {depth}");
                said(deep)
            }
            26 => said(till.settle("by a call")),
            27 => said(till.work(self.draw(1..4) as u8)),
            28 => said(till.linger(self.draw(0..4) as u8)),
            _ => self.clerk(),
        }
    }

    fn add_to_own(&self) -> Outcome {
        let mut place = self.own.borrow_mut();
        let Some((till, total)) = place.as_mut() else {
            drop(place);
            let till = self.house().rt.reference_of("till", &Moods::default()).map_err(|error| error.to_string())?;
            let old = self.own.replace(Some((till, 0)));
            drop(old);
            return Ok("a till of its own".to_owned());
        };
        let amount = self.draw(1..1000);
        match till.add(0, amount) {
            Ok(sum) => {
                *total += amount;
                must!(sum == *total, "its own till has {sum}, and was given {total}");
                Ok(String::new())
            }
            Err(fault) => {
                must!(fault.kind() != FaultKind::Panic, "an addition panicked: {fault}");
                let gone = if fault.kind() == FaultKind::Revoked { place.take() } else { None };
                drop(place);
                drop(gone);
                Err(fault.to_string())
            }
        }
    }

    fn lend(&self, till: &Handle<dyn Till>) -> Outcome {
        let times = self.draw(0..4);
        let is_bad = self.once_in(8);
        let sum = till.lend(times, &|n| {
            self.step();
            if is_bad {
                panic::resume_unwind(Box::new("the lent function panics".to_owned()));
            }
            n + 1
        });
        let right = (1..=times).sum::<u64>();
        must!(sum.as_ref().map_or(true, |sum| *sum == right), "{times} calls back came to {sum:?}");
        said(sum)
    }

    fn lend_to_threads(&self, till: &Handle<dyn Till>) -> Outcome {
        let threads = self.draw(1..4);
        let shared = self.shared_callback();
        said(till.lend_to_threads(threads, &|n| shared(n)))
    }

    /// A callback that lives for itself: it owns handles, bytes and a seed.
    pub fn callback(&self) -> Callback {
        Box::new(self.shared_callback())
    }

    fn shared_callback(&self) -> impl Fn(u64) -> u64 + Send + Sync + 'static {
        let (seed, stage) = (self.draw(0..1 << 20), Arc::downgrade(&self.stage));
        let (till, data) = (self.till().0, bytes_of(seed, 40));
        let kept = if self.once_in(3) { self.stage.bytes.peek(seed as usize) } else { None };
        let (calls, is_bad) = (self.once_in(2), self.once_in(12));
        let end = Bad(self.once_in(12));
        move |n| {
            must!(data == bytes_of(seed, 40), "what a callback owns changed");
            if let Some((bytes, seed)) = &kept {
                must!(**bytes == *bytes_of(*seed, bytes.len()), "bytes of a callback changed");
            }
            if is_bad || end.0 && n == u64::MAX {
                panic::resume_unwind(Box::new("a kept callback panics".to_owned()));
            }
            if calls && let Some(stage) = Weak::upgrade(&stage) {
                let _ = till.sums();
                drop(stage.bytes.take(n as usize));
            }
            answer_of(seed, n)
        }
    }

    fn bytes(&self, till: &Handle<dyn Till>) -> Outcome {
        let (seed, len) = (self.draw(0..1 << 16), self.draw(0..300) as u32);
        let through_clerk = self.once_in(4);
        let bytes = if through_clerk {
            let clerk: Handle<dyn Clerk> = self.house().rt.service().map_err(|error| error.to_string())?;
            clerk.bytes(seed, len)
        } else {
            till.bytes(seed, len)
        };
        let bytes = bytes.map_err(|fault| fault.to_string())?;
        must!(*bytes == *bytes_of(seed, len as usize), "bytes of the seed {seed} came otherwise");
        let old = self.stage.bytes.put(seed as usize, (bytes, seed));
        if let Some((old, seed)) = &old {
            must!(**old == *bytes_of(*seed, old.len()), "kept bytes changed");
        }
        Ok(String::new())
    }

    fn swap_bytes(&self, till: &Handle<dyn Till>) -> Outcome {
        let given = self.stage.bytes.peek(self.draw(0..24) as usize).map(|(bytes, _)| bytes);
        let got = till.swap_bytes(given);
        // Nobody says whose they are; reading them must be possible.
        let sum = got.as_ref().map_or(0, |bytes| {
            bytes.iter().flat_map(|bytes| bytes.iter()).fold(0_u64, |sum, byte| sum + u64::from(*byte))
        });
        std::hint::black_box(sum);
        said(got)
    }

    fn turn(&self, till: &Handle<dyn Till>) -> Outcome {
        let text = |n: u64| "ö€".repeat(n as usize);
        let part = |n: u64| match n % 4 {
            0 => Part::Nothing,
            1 => Part::Number(n),
            2 => Part::Text { text: text(n % 9), lines: (0..n % 5).map(text).collect() },
            _ => Part::Raw(bytes_of(n, (n % 200) as usize)),
        };
        let parcel = Parcel {
            number: self.draw(0..u64::MAX),
            label: text(self.draw(0..12)),
            parts: (0..self.draw(0..6)).map(|_| part(self.draw(0..1000))).collect(),
            inner: if self.once_in(2) { Some(Box::new(part(self.draw(0..1000)))) } else { None },
            pair: (self.draw(0..255) as u8, -(self.draw(0..1000) as i64)),
            outcome: if self.once_in(2) { Ok([self.draw(0..9) as u32; 3]) } else { Err(text(3)) },
        };
        let turned = till.turn(parcel.clone());
        must!(turned.as_ref().map_or(true, |turned| *turned == parcel), "{parcel:?} came back as {turned:?}");
        said(turned)
    }

    fn sort(&self, till: &Handle<dyn Till>) -> Outcome {
        let mut numbers: Vec<u64> = (0..self.draw(0..50)).map(|_| self.draw(0..100)).collect();
        let mut right = numbers.clone();
        right.sort_unstable();
        let sorted = till.sort(&mut numbers);
        must!(sorted.is_err() || numbers == right, "sorted as {numbers:?}");
        said(sorted)
    }

    fn clerk(&self) -> Outcome {
        let clerk: Handle<dyn Clerk> = self.house().rt.service().map_err(|error| error.to_string())?;
        match self.draw(0..4) {
            0 => said(clerk.add(1, 0)),
            1 => {
                let sums = clerk.sums();
                self.check(sums.as_ref().map(|Serde(sums)| sums), 0, u64::MAX);
                said(sums)
            }
            2 => said(clerk.lend(&|n| {
                self.step();
                n
            })),
            _ => said(clerk.till()),
        }
    }

    /// An operation on handles, pins and other threads.
    fn hold(&self) -> Outcome {
        let what = self.draw(0..20);
        self.log(format_args!("hold {what}"));
        match what {
            0..3 => {
                let house = self.house();
                let old = self.stage.tills.put(self.draw(0..24) as usize, (house.till.clone(), house.account.clone()));
                drop(old);
                Ok(String::new())
            }
            3 | 4 => Ok(format!("{}", self.stage.tills.take(self.draw(0..24) as usize).is_some())),
            5 => {
                let later = self.house().rt.service_of::<dyn v2::Till>("till").map_err(|error| error.to_string())?;
                let _ = v2::Till::additions(&later);
                said(v2::Till::shift(&later, self.draw(0..8) as u8, self.draw(0..8) as u8, self.draw(0..100)))
            }
            6 => {
                let own = self.house().rt.reference::<dyn Till>(&Moods::default());
                let own = own.map_err(|error| error.to_string())?;
                said(own.add(1, 1))
            }
            7 => {
                let taken = self.own.borrow_mut().take();
                Ok(format!("{}", taken.is_some()))
            }
            8 | 9 => self.pin(),
            10 | 11 => {
                let last = self.pins.borrow().len() as u64;
                let pin = if last == 0 {
                    None
                } else {
                    Some(self.pins.borrow_mut().swap_remove(self.draw(0..last) as usize))
                };
                Ok(format!("{}", pin.is_some()))
            }
            12 => {
                let (till, account) = self.till();
                let pinned = Handle::pin(&till).map_err(|fault| fault.to_string())?;
                let added = self.add(&pinned, &account);
                drop(self.stage.pinned.put(0, pinned));
                added
            }
            13..15 => {
                let Some(pinned) = self.stage.pinned.take(self.draw(0..24) as usize) else { return Ok(String::new()) };
                let sums = pinned.sums();
                self.check(sums.as_ref().map(|sums| &sums.0), 0, u64::MAX);
                said(sums)
            }
            15 => {
                drop(self.stage.callbacks.put(self.draw(0..24) as usize, self.callback()));
                Ok(String::new())
            }
            16 => {
                let Some(callback) = self.stage.callbacks.take(self.draw(0..24) as usize) else {
                    return Ok(String::new());
                };
                Ok(format!("{}", callback(self.draw(0..9))))
            }
            17 => self.thread(),
            18 => self.agent(),
            _ if self.once_in(4) => {
                // With a user that is named, std forks.
                let user = fs::metadata("/proc/self").map_err(|error| error.to_string())?.uid();
                said(Command::new("true").uid(user).status())
            }
            _ => Ok(format!("{:?}", Handle::generation(&self.till().0))),
        }
    }

    fn pin(&self) -> Outcome {
        let pin = self.house().rt.pin().map_err(|error| error.to_string())?;
        let mut pins = self.pins.borrow_mut();
        let old = if pins.len() < 3 { None } else { Some(pins.remove(0)) };
        pins.push(pin);
        drop(pins);
        drop(old);
        Ok(String::new())
    }

    /// A short-lived thread that leaves something for its very end.
    fn thread(&self) -> Outcome {
        let (stage, seed, number) = (Arc::clone(&self.stage), self.draw(0..1 << 40), self.number);
        let steps = self.draw(0..4);
        let body = move || {
            let actor = Actor::new(stage, seed, number);
            // Its steps count as this one's.
            actor.depth.set(1);
            for _ in 0..steps {
                actor.step();
            }
            for _ in 0..2 {
                actor.leave();
            }
            if actor.once_in(4) {
                panic::resume_unwind(Box::new("a thread ends by a panic"));
            }
        };
        let thread = thread::Builder::new().spawn(body).map_err(|error| error.to_string())?;
        Ok(format!("{}", thread.join().is_ok()))
    }

    fn leave(&self) {
        let (till, _) = self.till();
        let keepsake = match self.draw(0..5) {
            0 => Some(Keepsake::Till(till)),
            1 => Handle::pin(&till).ok().map(Keepsake::Pinned),
            2 => self.house().rt.pin().ok().map(|pin| Keepsake::Pin(pin, till)),
            3 => self.stage.bytes.take(0).map(|(bytes, _)| Keepsake::Bytes(bytes)),
            _ => Some(Keepsake::Callback(self.callback())),
        };
        if let Some(keepsake) = keepsake {
            keepsake.leave();
        }
    }

    fn agent(&self) -> Outcome {
        let (number, what) = (self.draw(0..2) as usize, self.draw(0..10_000) as u32);
        let agent = if self.once_in(3) {
            self.house().rt.service::<dyn Agent>()
        } else {
            self.house().rt.reference::<dyn Agent>(&(number, what))
        };
        let agent = agent.map_err(|error| error.to_string())?;
        let answer = agent.act();
        let mut agents = self.agents.borrow_mut();
        let old = if agents.len() < 3 { None } else { Some(agents.remove(0)) };
        agents.push(agent);
        drop(agents);
        drop(old);
        said(answer)
    }
}

/// A destructor that panics, or not.
struct Bad(bool);

impl Drop for Bad {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            panic::resume_unwind(Box::new("the destructor of a callback panics".to_owned()));
        }
    }
}
