//! Operations that call components.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Weak},
    thread,
};

use lcr::{Fault, FaultKind, Handle, Serde};
use lcr_tests::till::{Clerk, Moods, Parcel, Part, Sums, answer_of, bytes_of, v1::Till};

use super::{Actor, Outcome, said};
use crate::stage::{Account, Callback};

impl Actor {
    /// Adds to a shared till, through a handle or a pinned handle.
    pub(super) fn add(&self, till: &impl Till, account: &Account) -> Outcome {
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

    /// Checks that sums are whole, and that their total is between `least` and `most`.
    pub(super) fn check(&self, sums: Result<&Sums, &Fault>, least: u64, most: u64) {
        if let Ok(sums) = sums {
            let total: u64 = sums.sums.values().sum();
            must!(sums.is_whole(), "torn: {sums:?}");
            must!((least..=most).contains(&total), "{total} is not between {least} and {most}");
        }
    }

    /// Draws a call.
    pub(super) fn call(&self) -> Outcome {
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

    /// A callback that owns handles, bytes and a seed.
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
        // Any image may own these bytes, and they must be readable.
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
}

/// A value whose destructor panics, if the field says so.
struct Bad(bool);

impl Drop for Bad {
    fn drop(&mut self) {
        if self.0 && !thread::panicking() {
            panic::resume_unwind(Box::new("the destructor of a callback panics".to_owned()));
        }
    }
}
