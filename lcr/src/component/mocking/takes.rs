//! Predicates and answers of a method, which are closures of the method's own types, for each number of arguments.
//!
//! The method's type says with two types for each argument what they get. A predicate gets the argument as it is where
//! that is a shared reference or a number, else a reference to it; an answer gets what the method gets. Each is a type
//! for any lifetime, so that closures without annotations are taken, and the compiler names the method's own types in
//! what it says of others.

use std::{borrow::Borrow, fmt::Debug};

use super::{
    expectation::Expecting,
    method::{Closures, Mocked, Takes},
    shown::text_of,
};

/// A value that an argument, as a predicate gets it, may be equal to.
#[diagnostic::on_unimplemented(
    message = "an argument that is a `{Seen}` cannot be compared with a `{Self}`",
    note = "write a value of the argument's own type, or compare in `.when(|..| ..)`"
)]
pub trait Matches<Seen> {
    /// Whether they are equal.
    fn matches(&self, seen: Seen) -> bool;
}

impl<T: ?Sized + PartialEq, V: Borrow<T>> Matches<&T> for V {
    fn matches(&self, seen: &T) -> bool {
        self.borrow() == seen
    }
}

macro_rules! scalars {
    ($($scalar:ty)*) => {
        $(impl Matches<$scalar> for $scalar {
            fn matches(&self, seen: $scalar) -> bool {
                *self == seen
            }
        })*
    };
}

scalars! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char }

/// A method without arguments.
pub trait Takes0: Mocked {}

impl<M: Takes0> Closures<M> for Takes<0> {
    type When = dyn Fn() -> bool + Send + Sync;
    type Then = dyn Fn() -> M::Result + Send + Sync;
}

impl<M: Takes0> Expecting<'_, M, Takes<0>> {
    /// Answers with what a closure returns.
    pub fn then<F>(self, answer: F) -> Self
    where
        F: Fn() -> M::Result + Send + Sync + 'static,
    {
        self.answered_by(Box::new(answer))
    }
}

macro_rules! takes {
    ($takes:ident $count:literal: $($seen:ident $given:ident $type:ident $value:ident $argument:ident),+) => {
        /// A method with that many arguments.
        #[allow(missing_docs, reason = "`S` is what a predicate gets, and `G` what an answer gets")]
        pub trait $takes: Mocked {
            $(type $seen<'a>; type $given<'a>;)+
        }

        impl<M: $takes> Closures<M> for Takes<$count> {
            type When = dyn for<'a> Fn($(M::$seen<'a>),+) -> bool + Send + Sync;
            type Then = dyn for<'a> Fn($(M::$given<'a>),+) -> M::Result + Send + Sync;
        }

        impl<M: $takes> Expecting<'_, M, Takes<$count>> {
            /// Expects calls whose arguments satisfy a predicate. Default: any arguments.
            pub fn when<F>(mut self, predicate: F) -> Self
            where
                F: for<'a> Fn($(M::$seen<'a>),+) -> bool + Send + Sync + 'static,
            {
                self.call = None;
                self.when = Some(Box::new(predicate));
                self
            }

            /// Expects calls whose arguments are equal to these values. Default: any arguments.
            #[allow(clippy::too_many_arguments, reason = "as many as the method has")]
            pub fn with<$($type),+>(mut self, $($value: $type),+) -> Self
            where
                $($type: for<'a> Matches<M::$seen<'a>> + Debug + Send + Sync + 'static,)+
            {
                self.expect_arguments(&[$(text_of(&$value)),+]);
                self.when = Some(Box::new(move |$($argument: M::$seen<'_>),+| true $(&& $value.matches($argument))+));
                self
            }

            /// Answers with what a closure returns, which gets the call's arguments.
            pub fn then<F>(self, answer: F) -> Self
            where
                F: for<'a> Fn($(M::$given<'a>),+) -> M::Result + Send + Sync + 'static,
            {
                self.answered_by(Box::new(answer))
            }
        }
    };
}

takes!(Takes1 1: S0 G0 V0 v0 a0);
takes!(Takes2 2: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1);
takes!(Takes3 3: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2);
takes!(Takes4 4: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3);
takes!(Takes5 5: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4);
takes!(Takes6 6: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5);
takes!(Takes7 7: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6);
takes!(Takes8 8: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6, S7 G7 V7 v7 a7);
takes!(Takes9 9: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6, S7 G7 V7 v7 a7, S8 G8 V8 v8 a8);
takes!(Takes10 10: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6, S7 G7 V7 v7 a7, S8 G8 V8 v8 a8, S9 G9 V9 v9 a9);
takes!(Takes11 11: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6, S7 G7 V7 v7 a7, S8 G8 V8 v8 a8, S9 G9 V9 v9 a9, S10 G10 V10 v10 a10);
takes!(Takes12 12: S0 G0 V0 v0 a0, S1 G1 V1 v1 a1, S2 G2 V2 v2 a2, S3 G3 V3 v3 a3, S4 G4 V4 v4 a4, S5 G5 V5 v5 a5,
    S6 G6 V6 v6 a6, S7 G7 V7 v7 a7, S8 G8 V8 v8 a8, S9 G9 V9 v9 a9, S10 G10 V10 v10 a10, S11 G11 V11 v11 a11);
