//! A crate that re-exports `lcr` and `sam` for crates that depend on neither.

pub use {lcr, sam};

/// An interface with one method and a component that serves it, as a framework's macro writes them.
#[macro_export]
macro_rules! serve {
    ($interface:ident, $component:ident, $name:literal, $answer:literal) => {
        /// An interface.
        #[$crate::lcr::interface(name = $name, version = 1, crate = $crate::lcr)]
        pub trait $interface {
            /// The answer.
            fn answer(&self) -> u64;
        }

        /// A component.
        #[derive(Default)]
        pub struct $component;

        #[$crate::lcr::component(crate = $crate::lcr)]
        impl $interface for $component {
            fn answer(&self) -> u64 {
                $answer
            }
        }
    };
}
