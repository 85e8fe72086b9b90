//! `--inject-faults`: clients may abort or deadlock the server, to test its supervision.

use std::{
    process,
    sync::{Arc, Barrier, Mutex, PoisonError},
    thread,
};

use kv::{Answer, CommandError, Commands, Touched, reply};

/// A command layer that also obeys `DEBUG ABORT` and `DEBUG DEADLOCK`.
pub(crate) struct FaultInjection(pub(crate) Arc<dyn Commands>);

impl Commands for FaultInjection {
    fn execute(&self, words: Vec<&[u8]>) -> Result<Answer, CommandError> {
        let debug = words.first().is_some_and(|name| name.eq_ignore_ascii_case(b"debug"));
        match words.get(1).filter(|_| debug).map(|word| word.to_ascii_lowercase()).as_deref() {
            Some(b"abort") => process::abort(),
            Some(b"deadlock") => {
                deadlock();
                let mut answer = Answer { reply: Vec::new(), touched: Touched::Nothing };
                reply::status(&mut answer.reply, "OK");
                Ok(answer)
            }
            _ => self.0.execute(words),
        }
    }

    fn may_write(&self, name: &[u8]) -> Result<bool, CommandError> {
        self.0.may_write(name)
    }
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
