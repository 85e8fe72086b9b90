//! What would have another layout than its description says.

use std::marker::PhantomData;

use lcr_tests_macros::{add_field, change_fields, in_turn};

#[derive(lcr::Layout)]
#[repr(packed)]
struct Item<T> {
    value: T,
    kind: u8,
}

#[derive(lcr::Layout)]
struct Around {
    items: Vec<Item<Around>>,
}

#[derive(lcr::Layout)]
struct InTracked {
    items: lcr::Tracked<std::collections::BTreeMap<u8, Self>>,
}

#[derive(lcr::Layout)]
struct Nested<T> {
    next: Option<Box<Nested<Vec<T>>>>,
    of: PhantomData<T>,
}

#[derive(lcr::Layout)]
#[change_fields]
struct Changed {
    value: u8,
}

#[derive(lcr::Layout)]
#[change_fields]
enum ChangedEnum {
    One(u8),
    Other,
}

#[derive(lcr::Layout)]
#[add_field]
struct Added {
    value: u8,
}

#[derive(lcr::Layout)]
struct InTurn {
    value: Vec<in_turn!()>,
}

mod shadowed {
    use lcr_tests_macros::change_fields as derive;

    #[core::prelude::v1::derive(lcr::Layout)]
    #[derive(Clone)]
    struct BehindDerive {
        value: bool,
    }
}

mod reserved {
    use lcr_tests_macros::add_repr as must_use;

    #[derive(lcr::Layout)]
    #[must_use]
    struct BehindReserved {
        value: bool,
    }
}

fn main() {}
