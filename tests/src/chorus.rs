//! Editions of interfaces that differ in what a callback promises.

/// Callbacks for the thread that calls.
pub mod alone {
    /// Calls the callback that it borrows.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below.
        fn sing(&self, below: u64, voice: &dyn Fn(u64));
    }

    /// Keeps the callback that it is given.
    #[lcr::interface(name = "test.keeper", version = 1)]
    pub trait Keeper {
        /// Keeps the function, and calls it with each number below.
        fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send>);
    }
}

/// Callbacks that any thread may call.
pub mod shared {
    /// Calls the callback that it borrows.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below.
        fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Send + Sync));
    }

    /// Keeps the callback that it is given.
    #[lcr::interface(name = "test.keeper", version = 1)]
    pub trait Keeper {
        /// Keeps the function, and calls it with each number below.
        fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send + Sync>);
    }
}

/// A bound that is spelt as another one.
pub mod misspelt {
    use std::marker::{Send as Move, Sync as Send};

    /// Calls the callback that it borrows.
    #[lcr::interface(name = "test.chorus", version = 1)]
    pub trait Chorus {
        /// Calls the function with each number below. The bound `Send` is std's `Sync` here.
        fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Send));
    }

    /// Compiles only if `Move` and `Send` are the traits that this module says.
    pub fn is_what_it_is_called(it: impl Move + Send) -> impl Move + Send {
        it
    }
}
