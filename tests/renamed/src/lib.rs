//! A crate that knows `lcr` and `sam` only by other names: each attribute says by `crate = path` where they are.

/// Uses a dependency that has another name.
pub mod renamed {
    /// A point in time and a name, by value.
    #[derive(Clone, Debug, PartialEq, live::Abi)]
    #[abi(crate = live)]
    pub enum Entry {
        /// A line.
        Line {
            /// Its number.
            number: u64,
            /// Its text.
            text: String,
        },
        /// The end.
        End,
    }

    /// Plain data.
    #[derive(Clone, Copy, Debug, PartialEq, live::Abi)]
    #[abi(plain, crate = live)]
    #[repr(C)]
    pub struct Mark(pub u64);

    /// An interface with everything that generated code names.
    #[live::interface(name = "renamed.log", version = 1, crate = live)]
    pub trait Log {
        /// The next entry.
        fn next(&self, text: &str) -> Entry;
        /// How many marks `f` accepts.
        fn count(&self, marks: &[Mark], f: &dyn Fn(Mark) -> bool) -> u64;
        /// Calls `f`.
        fn later(&self, f: Box<dyn Fn(u64) -> u64 + Send>) -> u64 {
            f(1)
        }
    }

    /// A component.
    #[derive(Default)]
    pub struct Paper;

    #[live::component(crate = live, healthy = Self::check)]
    impl Log for Paper {
        fn next(&self, text: &str) -> Entry {
            if text.is_empty() { Entry::End } else { Entry::Line { number: 1, text: text.to_owned() } }
        }
        fn count(&self, marks: &[Mark], f: &dyn Fn(Mark) -> bool) -> u64 {
            marks.iter().filter(|mark| f(**mark)).count() as u64
        }
    }

    impl Paper {
        fn check(&self) -> Result<(), String> {
            Ok(())
        }
    }
}

/// Uses `lcr` through a crate that re-exports it.
pub mod reexported {
    use lcr_tests_facade as facade;

    /// A value.
    #[derive(Clone, Debug, PartialEq, facade::lcr::Abi)]
    #[abi(crate = facade::lcr)]
    pub struct Pair {
        /// One.
        pub left: u8,
        /// The other.
        pub right: Option<String>,
    }

    /// An interface.
    #[facade::lcr::interface(name = "reexported.swap", version = 1, crate = facade::lcr)]
    pub trait Swap {
        /// The pair with its number raised.
        fn raise(&self, pair: Pair) -> Result<Pair, String>;
    }

    /// A component.
    #[derive(Default)]
    pub struct Adder;

    #[facade::lcr::component(crate = facade::lcr)]
    impl Swap for Adder {
        fn raise(&self, pair: Pair) -> Result<Pair, String> {
            let left = pair.left.checked_add(1).ok_or("too large")?;
            Ok(Pair { left, ..pair })
        }
    }

    /// Uses `sam` through that crate.
    pub mod program {
        use super::facade;

        /// A `main` of a program that has `sam` through the facade.
        #[facade::sam::main(crate = facade::sam, policy = "quit", warn_signal = "SIGUSR1")]
        pub fn supervised() {}
    }
}

/// Uses a macro of the facade, whose `$crate` says where `lcr` is.
pub mod written_by_a_macro {
    lcr_tests_facade::serve!(Oracle, Deep, "facade.oracle", 42);
}

#[cfg(test)]
mod tests {
    use super::{
        reexported::{Pair, Swap},
        renamed::{Entry, Log, Mark},
        written_by_a_macro::Oracle,
    };

    #[test]
    fn a_component_of_a_renamed_lcr_serves_every_kind_of_value() {
        let rt = live::Runtime::new().unwrap();
        let log = rt.service::<dyn Log>().unwrap();
        assert_eq!(log.next("a"), Entry::Line { number: 1, text: "a".to_owned() });
        assert_eq!(log.next(""), Entry::End);
        assert_eq!(log.count(&[Mark(1), Mark(2), Mark(3)], &|mark| mark.0 > 1), 2);
        assert_eq!(log.later(Box::new(|number| number + 1)), 2);
        assert_eq!(live::Handle::pin(&log).unwrap().later(Box::new(|number| number + 2)), 3);
    }

    #[test]
    fn a_component_of_a_reexported_lcr_is_served_by_the_same_runtime() {
        let rt = live::Runtime::new().unwrap();
        let swap = rt.service::<dyn Swap>().unwrap();
        let pair = Pair { left: 1, right: Some("x".to_owned()) };
        assert_eq!(swap.raise(pair.clone()), Ok(Pair { left: 2, ..pair.clone() }));
        assert_eq!(swap.raise(Pair { left: 255, ..pair }), Err("too large".to_owned()));
    }

    #[test]
    fn a_macro_of_a_framework_writes_interfaces_and_components() {
        let rt = live::Runtime::new().unwrap();
        assert_eq!(rt.service::<dyn Oracle>().unwrap().answer(), 42);
    }
}
