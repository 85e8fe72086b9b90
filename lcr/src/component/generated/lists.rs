//! Lists of types with names, for the implementations of a trait for tuples of every length.

/// Calls a macro with each beginning of a list, from none of it on: `each_beginning! { tuples: A a, B b }` calls
/// `tuples! {}`, `tuples! { A a }` and `tuples! { A a, B b }`.
macro_rules! each_beginning {
    (@ $each:ident [$($taken:tt)*]) => {
        $each! { $($taken)* }
    };
    (@ $each:ident [] $ty:ident $name:ident $(, $($rest:tt)*)?) => {
        $each! {}
        each_beginning! { @ $each [$ty $name] $($($rest)*)? }
    };
    (@ $each:ident [$($taken:tt)+] $ty:ident $name:ident $(, $($rest:tt)*)?) => {
        $each! { $($taken)+ }
        each_beginning! { @ $each [$($taken)+, $ty $name] $($($rest)*)? }
    };
    ($each:ident: $($list:tt)+) => {
        each_beginning! { @ $each [] $($list)+ }
    };
}

pub(crate) use each_beginning;
