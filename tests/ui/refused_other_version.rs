//! The macros of one `lcr` that are sent to another by `crate = path` say so.

mod other {
    pub mod lcr {
        pub mod __private {
            pub mod v0_0_9 {}
        }
    }
}

#[lcr::interface(name = "kv.store", version = 1, crate = crate::other::lcr)]
pub trait Store {
    fn len(&self) -> u64;
}

struct Nothing;

#[lcr::component(create = Nothing::new, crate = crate::other::lcr)]
impl Store for Nothing {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(lcr::Abi)]
#[abi(crate = crate::other::lcr)]
struct Point(u8);

fn main() {}
