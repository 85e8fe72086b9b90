//! A till of version 2 whose image may be unmapped.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

use drawer::{Drawer, Pairs, from_pairs, to_pairs};
use lcr::{BoxError, Bytes, Context, Fault, Handle, RawState, Serde, Stateful};
use lcr_tests::till::{Parcel, Sums, v1, v2::Till};

/// A till of version 2.
pub struct Second(Drawer);

impl Second {
    fn create(context: &Context) -> Result<Second, BoxError> {
        Drawer::create(context).map(Second)
    }
    fn healthy(&self) -> Result<(), BoxError> {
        self.0.healthy()
    }
}

#[lcr::component(name = "till", version = "2.0.0", create = Self::create, healthy = Self::healthy, state, unload)]
impl Till for Second {
    methods!();
    fn shift(&self, from: u8, to: u8, amount: u64) -> Result<u64, Fault> {
        Ok(self.0.shift(from, to, amount))
    }
}

impl Stateful for Second {
    type State = Pairs;
    const STATE_VERSION: u32 = 2;

    fn save(&self) -> Result<Pairs, BoxError> {
        self.0.save().map(to_pairs)
    }
    fn restore(state: Pairs, context: &Context) -> Result<Second, BoxError> {
        Drawer::restore(from_pairs(state), context).map(Second)
    }
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Pairs, BoxError> {
        assert_eq!(from, 1);
        Ok(to_pairs(raw.decode::<Sums>()?))
    }
}
