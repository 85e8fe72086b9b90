//! The gate's word: odd while the gate is shut.
//!
//! **Shutting**: the word becomes odd, then the world with closed slots is published.
//! **Opening**: a world with open slots becomes current, then the word becomes even and
//! every sleeper is woken. Callers need no barrier for that: who looks at frames behind the
//! opening does, and passes it later.
//!
//! A caller reads the word, then enters. If its slot is closed and the word was odd, it
//! sleeps for as long as the word has that value. If the gate opened in between, the
//! word has changed and it does not sleep; if the word was even and is unchanged after
//! the caller saw a closed slot, no gate was involved: the slot is withdrawn.

use crate::abi::sync::{AtomicU32, Ordering};

/// The word. The caller brings the ways to sleep and to wake: a futex, or those of a model.
pub(crate) struct Word(AtomicU32);

/// What a caller saw of the gate before it entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Look(u32);

impl Look {
    pub(crate) fn is_shut(self) -> bool {
        self.0 % 2 == 1
    }
}

impl Default for Word {
    fn default() -> Word {
        Word(AtomicU32::new(0))
    }
}

impl Word {
    pub(crate) fn look(&self) -> Look {
        Look(self.0.load(Ordering::Acquire))
    }

    /// The result of `read`, if the gate was open all the while: if `read` reads the current world, no gate has
    /// closed the slots of that. `None` if the gate was shut at any moment meanwhile.
    pub(crate) fn read_open<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        let before = self.look();
        if before.is_shut() {
            return None;
        }
        // A closed world is published after the word became odd, so a thread that reads that world (`Acquire`)
        // finds the word changed; and the world is replaced before the word becomes even.
        let read = read();
        (self.look() == before).then_some(read)
    }

    /// Makes the word odd, before the world with closed slots is published. One thread at a time shuts and
    /// opens.
    pub(crate) fn shut(&self) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(word | 1, Ordering::Release);
    }

    /// Makes the word even, after the world with open slots was published. `wake` wakes every sleeper.
    pub(crate) fn open(&self, wake: impl FnOnce(&AtomicU32)) {
        let word = self.0.load(Ordering::Relaxed);
        if word % 2 == 1 {
            self.0.store(word.wrapping_add(1), Ordering::Release);
            wake(&self.0);
        }
    }

    /// Calls `sleep` with the value that `look` saw; it sleeps if the word still has that value.
    pub(crate) fn wait(&self, look: Look, sleep: impl FnOnce(&AtomicU32, u32)) {
        sleep(&self.0, look.0);
    }
}
