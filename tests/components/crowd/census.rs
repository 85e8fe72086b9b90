//! Counts the crowd's objects.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use lcr::Fault;
use lcr_tests::crowd::{Census, Counts};

/// The objects that are alive, and how many there ever were.
#[derive(Default)]
pub struct Register(Mutex<(Counts, HashSet<u64>)>);

#[lcr::component(name = "crowd_census", version = "1.0.0")]
impl Census for Register {
    fn born(&self) -> Result<u64, Fault> {
        let (counts, alive) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.born += 1;
        alive.insert(counts.born);
        Ok(counts.born)
    }
    fn died(&self, number: u64) -> Result<(), Fault> {
        let (counts, alive) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alive.remove(&number) {
            counts.died += 1;
        } else {
            counts.wrong += 1;
        }
        Ok(())
    }
    fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }
}
