//! Editions of interfaces that differ in what a callback promises.

/// Callbacks for the thread that calls.
pub mod alone {
    /// Calls what it is lent.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below.
        fn sing(&self, below: u64, voice: &dyn Fn(u64));
    }

    /// Keeps what it is given.
    #[lcr::interface(name = "test.keeper", version = 1)]
    pub trait Keeper {
        /// Calls the function with each number below.
        fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send>);
    }
}

/// Callbacks that any thread may call.
pub mod shared {
    /// Calls what it is lent.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below.
        fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Send + Sync));
    }

    /// Keeps what it is given.
    #[lcr::interface(name = "test.keeper", version = 1)]
    pub trait Keeper {
        /// Calls the function with each number below.
        fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send + Sync>);
    }
}

/// A bound that is spelt as another one.
pub mod misspelt {
    use std::marker::{Send as Move, Sync as Send};

    /// Calls what it is lent.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below. What it says is `Sync`.
        fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Send));
    }

    /// That the two are what they are.
    pub fn is_what_it_is_called(it: impl Move + Send) -> impl Move + Send {
        it
    }
}
