//! A till and its clerk: components that random programs of safe code call, replace and break.
//!
//! A till keeps a sum for each key, and a checksum of all sums. A clerk depends on a till. The program draws
//! what goes wrong in them: [`Moods`] are a component's configuration.
//!
//! | component | implements | state |
//! |---|---|---|
//! | `till_1`, `till_1_unload` | version 1 | of version 1, and takes version 2 |
//! | `till_2`, `till_2_unload` | version 2, which replaces 1 | of version 2, and takes version 1 |
//! | `till_1_of_another_component` | version 1, by another component's name | of version 1 |
//! | `till_1_of_another_signature` | version 1, with another signature | none |
//! | `clerk`, `clerk_unload` | the clerk, protected | how often it was called |
//!
//! The image of a library whose name ends in `unload` may be unmapped.

use lcr::{BoxError, Bytes, Fault, Handle, Serde};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, panic, thread, time::Duration};

/// What a component does at one moment of its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mood {
    /// Works as it should.
    #[default]
    Fine,
    /// Returns an error.
    Refuse,
    /// Panics, without a call of the panic hook.
    Panic,
    /// Takes this many milliseconds.
    Linger(u8),
}

/// The moods of a component at the moments of its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the points of a life")]
pub struct Moods {
    pub create: Mood,
    pub healthy: Mood,
    pub save: Mood,
    pub restore: Mood,
    pub destroy: Mood,
}

impl Mood {
    /// Acts on the mood.
    ///
    /// # Errors
    /// If it refuses.
    ///
    /// # Panics
    /// If it panics.
    pub fn act(self, what: &str) -> Result<(), BoxError> {
        match self {
            Mood::Fine => Ok(()),
            Mood::Refuse => Err(format!("{what} is refused").into()),
            Mood::Panic => panic::resume_unwind(Box::new(format!("{what} panics"))),
            Mood::Linger(millis) => {
                thread::sleep(Duration::from_millis(u64::from(millis)));
                Ok(())
            }
        }
    }
}

/// The state of a till.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// The sum of each key.
    pub sums: BTreeMap<u8, u64>,
    /// How many additions there were.
    pub additions: u64,
    /// The checksum of the other fields.
    pub check: u64,
}

impl Sums {
    /// The checksum of the other fields as they are.
    pub fn checksum(&self) -> u64 {
        let terms = self.sums.iter().map(|(key, sum)| (u64::from(*key) + 1).wrapping_mul(sum.wrapping_add(7)));
        terms.fold(self.additions, u64::wrapping_add)
    }

    /// Whether the checksum is right.
    pub fn is_whole(&self) -> bool {
        self.check == self.checksum()
    }

    /// Adds, and returns the key's sum.
    pub fn add(&mut self, key: u8, amount: u64) -> u64 {
        let sum = self.sums.entry(key).or_default();
        *sum += amount;
        let sum = *sum;
        self.additions += 1;
        self.check = self.checksum();
        sum
    }
}

/// A value with types of many kinds in it.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
#[allow(missing_docs, reason = "fields")]
pub struct Parcel {
    pub number: u64,
    pub label: String,
    pub parts: Vec<Part>,
    pub inner: Option<Box<Part>>,
    pub pair: (u8, i64),
    pub outcome: Result<[u32; 3], String>,
}

/// A part of a parcel.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
#[allow(missing_docs, reason = "kinds")]
pub enum Part {
    Nothing,
    Number(u64),
    Text { text: String, lines: Vec<String> },
    Raw(Vec<u8>),
}

/// The bytes that belong to a seed.
pub fn bytes_of(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The answer of a kept callback.
pub fn answer_of(seed: u64, n: u64) -> u64 {
    n.rotate_left((seed % 64) as u32) ^ seed
}

/// Declares a version of the interface, with the methods that only this version has.
macro_rules! till {
    ($version:literal, ($($options:tt)*), { $($more:tt)* }) => {
        /// A till.
        #[lcr::interface(name = "random.till", version = $version $($options)*)]
        pub trait Till {
            /// Adds to a key's sum, and returns it.
            fn add(&self, key: u8, amount: u64) -> Result<u64, Fault>;
            /// Returns its state.
            fn sums(&self) -> Result<Serde<Sums>, Fault>;
            /// Panics.
            fn fail(&self, text: &str) -> Result<(), Fault>;
            /// Panics, and so panics in the caller, too.
            fn fail_plainly(&self, text: &str) -> u64;
            /// Calls back `times` times on the caller's thread, and returns the sum of the answers.
            fn lend(&self, times: u64, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault>;
            /// Calls back from `threads` threads of its own, and returns the sum of the answers.
            fn lend_to_threads(&self, threads: u64, f: &(dyn Fn(u64) -> u64 + Send + Sync)) -> Result<u64, Fault>;
            /// Keeps a callback, and returns how many it keeps.
            fn keep(&self, f: Box<dyn Fn(u64) -> u64 + Send>) -> Result<u64, Fault>;
            /// Keeps a callback that any thread may call, and returns how many it keeps.
            fn keep_shared(&self, f: Box<dyn Fn(u64) -> u64 + Send + Sync>) -> Result<u64, Fault>;
            /// Calls its callbacks, on a thread of its own or on this one, and returns the answers.
            fn ring(&self, n: u64, on_thread: bool) -> Result<Vec<u64>, Fault>;
            /// Drops the callbacks and bytes that it keeps.
            fn let_go(&self) -> Result<u64, Fault>;
            /// Returns the bytes of a seed, which its image owns.
            fn bytes(&self, seed: u64, len: u32) -> Result<Bytes, Fault>;
            /// Keeps these bytes, whichever image owns them, and returns those that it kept before.
            fn swap_bytes(&self, bytes: Option<Bytes>) -> Result<Option<Bytes>, Fault>;
            /// Returns the parcel.
            fn turn(&self, parcel: Parcel) -> Result<Parcel, Fault>;
            /// Sorts in place.
            fn sort(&self, numbers: &mut [u64]) -> Result<(), Fault>;
            /// Calls another till, and gives its handle back.
            fn pass(&self, other: Handle<dyn super::v1::Till>) -> Result<(u64, Handle<dyn super::v1::Till>), Fault>;
            /// Calls itself by the handle, `depth` calls deep.
            fn nest(&self, itself: Handle<dyn super::v1::Till>, depth: u32) -> Result<u32, Fault>;
            /// Leaves a value with a destructor in a thread-local of the calling thread.
            fn settle(&self, text: &str) -> Result<u64, Fault>;
            /// Starts threads of its own, which have thread-locals and names, and joins them.
            fn work(&self, threads: u8) -> Result<u64, Fault>;
            /// Takes this many milliseconds.
            fn linger(&self, millis: u8) -> Result<(), Fault>;
            $($more)*
        }
    };
}

/// The first version.
pub mod v1 {
    use super::{Bytes, Fault, Handle, Parcel, Serde, Sums};
    till!(1, (), {});
}

/// The second one.
pub mod v2 {
    use super::{Bytes, Fault, Handle, Parcel, Serde, Sums};
    till!(2, (, replaces(1)), {
        /// Takes from a key's sum as much as there is, at most `amount`, and gives it to another one.
        fn shift(&self, from: u8, to: u8, amount: u64) -> Result<u64, Fault>;
        /// How many additions there were.
        fn additions(&self) -> Result<u64, Fault> {
            Ok(self.sums()?.0.additions)
        }
    });
}

/// The first version with a wrong signature.
pub mod other {
    /// A till.
    #[lcr::interface(name = "random.till", version = 1)]
    pub trait Till {
        /// Adds to a key's sum, and returns it.
        fn add(&self, key: u16, amount: u64) -> u64;
    }
}

/// A clerk, which depends on a till.
#[lcr::interface(name = "random.clerk", version = 1, deps(v1::Till))]
pub trait Clerk {
    /// Adds to the till.
    fn add(&self, key: u8, amount: u64) -> Result<u64, Fault>;
    /// Returns the state of the till.
    fn sums(&self) -> Result<Serde<Sums>, Fault>;
    /// Calls back from inside of the till.
    fn lend(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault>;
    /// Returns the clerk's handle on the till.
    fn till(&self) -> Result<Handle<dyn v1::Till>, Fault>;
    /// Returns bytes of the till.
    fn bytes(&self, seed: u64, len: u32) -> Result<Bytes, Fault>;
}
