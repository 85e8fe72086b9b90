//! Types with `derive(lcr::Layout)`.

use lcr::Layout;
use lcr_tests_macros::{add_repr, in_turn};

type Turn = in_turn!();

const LAST: u8 = 7;

#[derive(lcr::Layout)]
#[repr(u8)]
pub enum Number {
    One = 1,
    Last = LAST,
}

#[derive(Clone, lcr::Layout)]
pub struct Node {
    pub turn: Turn,
    pub children: Vec<(u8, Node)>,
    pub by_number: std::collections::HashMap<[u8; LAST as usize], Option<Box<Self>>>,
}

#[derive(lcr::Layout)]
#[repr(C, packed(2))]
pub struct Tight<T, const N: usize>
where
    T: Copy,
{
    pub value: T,
    pub array: [u64; N],
}

/// A type with the attributes that a macro gives to it.
macro_rules! with {
    ($item:ident; $($attribute:meta),*) => {
        #[derive(lcr::Layout)]
        $(#[$attribute])*
        pub struct $item(u8, #[doc = "other"] u16);
    };
}

with! { Plain; repr(C), doc = "text", allow(dead_code), must_use = "it is tested" }
with! { Changed; add_repr }
with! { ChangedByPath; lcr_tests_macros::add_repr }
with! { ChangedIf; cfg_attr(all(), add_repr) }
with! { ChangedNever; cfg_attr(any(), add_repr) }

#[add_repr]
#[derive(lcr::Layout)]
pub struct ChangedBefore(u8, u16);

#[derive(lcr::Layout)]
#[add_repr]
#[repr(u8)]
pub enum ChangedEnum {
    One(u16),
    Other,
}

/// A state that serde cannot read goes by pointer only.
#[derive(Default, lcr::Layout)]
pub struct Names(Vec<&'static str>);

#[lcr::interface(name = "names", version = 1)]
pub trait Count {
    fn count(&self) -> u64;
}

#[derive(Default)]
pub struct Counter {
    names: lcr::State<Names>,
}

#[lcr::component(state = names, name = "names")]
impl Count for Counter {
    fn count(&self) -> u64 {
        self.names.read().0.len() as u64
    }
}

#[test]
fn a_type_is_described_for_certain_unless_an_attribute_may_change_it_behind_the_derive() {
    for certain in [
        Number::MEMORY,
        Node::MEMORY,
        Tight::<u8, 3>::MEMORY,
        Plain::MEMORY,
        ChangedNever::MEMORY,
        ChangedBefore::MEMORY,
    ] {
        assert!(certain.is_fixed(), "{certain:?}");
    }
    for open in [Changed::MEMORY, ChangedByPath::MEMORY, ChangedIf::MEMORY, ChangedEnum::MEMORY, Vec::<Changed>::MEMORY]
    {
        assert!(!open.is_fixed(), "{open:?}");
    }
    assert_eq!(ChangedBefore::MEMORY.shape().name, "ChangedBefore repr(C)");
}
