//! The state of all depots: a tracked map, and what goes wrong with it.

use std::{fs, thread, time::Duration};

use lcr::{BoxError, Context, Incremental};
use lcr_tests::depot::{Terms, Wrong};

/// A map with its terms.
#[derive(Default)]
pub struct Shed<M> {
    pub map: M,
    terms: Terms,
    looks: u64,
    applied: u64,
}

impl<M> Shed<M> {
    /// One with these numbers.
    pub fn open(map: M, context: &Context) -> Result<Shed<M>, BoxError> {
        let terms: Terms = if context.is_configured() { context.config()? } else { Terms::default() };
        match terms.wrong {
            Some(Wrong::Constructor) => Err("the shed is locked".into()),
            Some(Wrong::ConstructorPanics) => panic!("the shed burns"),
            _ => Ok(Shed { map, terms, looks: 0, applied: 0 }),
        }
    }

    /// The health check.
    pub fn check(&self) -> Result<(), BoxError> {
        if self.terms.wrong == Some(Wrong::Health) { Err("the shed leans".into()) } else { Ok(()) }
    }
}

/// Counts a call; returns whether it has this number.
fn is_now(count: &mut u64, number: u64) -> bool {
    *count += 1;
    *count == number
}

impl<M: Incremental + Extend<(String, u64)>> Incremental for Shed<M> {
    type Changes = M::Changes;

    fn track(&mut self, most: usize) {
        assert_ne!(self.terms.wrong, Some(Wrong::TrackPanics), "the shed is not to be counted");
        self.looks = 0;
        self.map.track(most);
    }

    fn untrack(&mut self) {
        self.map.untrack();
    }

    fn changes(&mut self, limit: usize) -> Result<M::Changes, BoxError> {
        match self.terms.wrong {
            Some(Wrong::Look(number)) if is_now(&mut self.looks, number) => return Err("the shed is dark".into()),
            Some(Wrong::LookPanics(number)) if is_now(&mut self.looks, number) => panic!("a rat in the shed"),
            Some(Wrong::Busy(changes)) => {
                self.map.extend((0..changes).map(|number| (format!("busy {number}"), number)));
            }
            _ => {}
        }
        self.map.changes(limit)
    }

    fn left(&self) -> usize {
        let endless = if self.terms.wrong == Some(Wrong::Endless) { 1_000_000_000 } else { 0 };
        self.map.left() + endless
    }

    fn apply(&mut self, changes: M::Changes) -> Result<(), BoxError> {
        match self.terms.wrong {
            Some(Wrong::Apply(number)) if is_now(&mut self.applied, number) => return Err("the shed is full".into()),
            Some(Wrong::ApplyPanics(number)) if is_now(&mut self.applied, number) => panic!("the shed falls"),
            Some(Wrong::ApplyHangs(number)) if is_now(&mut self.applied, number) => {
                fs::write(self.terms.hang.with_extension("reached"), "")?;
                while self.terms.hang.exists() {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            _ => {}
        }
        self.map.apply(changes)
    }
}
