//! A set of small numbers that many threads add to.

use std::sync::atomic::{AtomicU64, Ordering};

const BITS: usize = u64::BITS as usize;

/// The set. Who takes numbers out has it alone.
#[derive(lcr::Layout)]
pub(crate) struct Marks {
    words: Vec<AtomicU64>,
    /// The word in which the search for the next number begins.
    next: usize,
}

impl Marks {
    /// No number. There is room for those below `numbers`.
    pub(crate) fn none(numbers: usize) -> Marks {
        Marks { words: (0..numbers.div_ceil(BITS)).map(|_| AtomicU64::new(0)).collect(), next: 0 }
    }

    /// Adds a number. Locks order the additions before a look of who has the set alone.
    pub(crate) fn set(&self, number: usize) {
        let (word, bit) = (&self.words[number / BITS], 1 << (number % BITS));
        // Most numbers are there, and need no write to a word that other threads read.
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Takes a number out.
    pub(crate) fn unset(&mut self, number: usize) {
        *self.words[number / BITS].get_mut() &= !(1 << (number % BITS));
    }

    /// Any number, if there is one. The search goes on where it ended last.
    pub(crate) fn next(&mut self) -> Option<usize> {
        for _ in 0..self.words.len() {
            let word = *self.words[self.next].get_mut();
            if word != 0 {
                return Some(self.next * BITS + word.trailing_zeros() as usize);
            }
            self.next = (self.next + 1) % self.words.len();
        }
        None
    }

    /// All numbers.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> {
        let bits = |(at, word): (usize, &AtomicU64)| {
            let word = word.load(Ordering::Relaxed);
            (0..BITS).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * BITS + bit)
        };
        self.words.iter().enumerate().flat_map(bits)
    }
}
