//! `--inject-faults`: clients may abort or deadlock the server, or have a version tried that aborts it, to test its
//! supervision.

use std::{
    process,
    sync::{
        Arc, Barrier, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use kv::{Answer, CommandError, Commands, Touched, reply};

/// A command layer that also obeys `DEBUG ABORT`, `DEBUG DEADLOCK` and `DEBUG TRIAL`.
pub(crate) struct FaultInjection {
    pub(crate) commands: Arc<dyn Commands>,
    /// Set by `DEBUG TRIAL`. The thread that replaces components begins the trial.
    pub(crate) trial: Arc<AtomicBool>,
}

impl Commands for FaultInjection {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        let debug = words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"debug"));
        match words.get(1).filter(|_| debug).map(|word| word.to_ascii_lowercase()).as_deref() {
            Some(b"abort") => process::abort(),
            Some(b"deadlock") => {
                deadlock();
                Ok(done())
            }
            Some(b"trial") => {
                self.trial.store(true, Ordering::Release);
                Ok(done())
            }
            _ => self.commands.execute(words),
        }
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        self.commands.may_write(name)
    }
}

fn done() -> Answer {
    let mut answer = Answer { reply: Vec::new(), touched: Touched::Nothing };
    reply::status(&mut answer.reply, "OK");
    answer
}

/// This thread and another take two locks in opposite orders. Never returns.
fn deadlock() {
    let (one, two, both) = (Mutex::new(()), Mutex::new(()), Barrier::new(2));
    let take = |first: &Mutex<()>, second: &Mutex<()>| {
        let _first = first.lock().unwrap_or_else(PoisonError::into_inner);
        both.wait();
        let _second = second.lock().unwrap_or_else(PoisonError::into_inner);
    };
    thread::scope(|scope| {
        scope.spawn(|| take(&two, &one));
        take(&one, &two);
    });
}
