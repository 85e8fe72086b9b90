//! The switch of the code that `#[lcr::interface(.., mocks)]` generates.
//!
//! A macro of ours cannot know which features `lcr` has, so it passes what it generates through a macro of `lcr`: with
//! the feature `mock` that is the code, without it nothing.

/// The code of mocks.
#[cfg(feature = "mock")]
#[doc(hidden)]
#[macro_export]
macro_rules! __lcr_mocks {
    ($($code:tt)*) => { $($code)* };
}

/// The code of mocks: none.
#[cfg(not(feature = "mock"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __lcr_mocks {
    ($($code:tt)*) => {};
}
