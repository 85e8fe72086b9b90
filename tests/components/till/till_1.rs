//! A till of version 1.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

use drawer::{Drawer, Pairs, from_pairs};
use lcr::{BoxError, Bytes, Context, Fault, Handle, RawState, Serde, Stateful};
use lcr_tests::till::{
    Parcel, Sums,
    v1::{self, Till},
};

/// A till of version 1.
pub struct First(Drawer);

impl First {
    fn create(context: &Context) -> Result<First, BoxError> {
        Drawer::create(context).map(First)
    }
    fn healthy(&self) -> Result<(), BoxError> {
        self.0.healthy()
    }
}

#[lcr::component(name = "till", version = "1.0.0", create = Self::create, healthy = Self::healthy, state)]
impl Till for First {
    methods!();
}

impl Stateful for First {
    type State = Sums;

    fn save(&self) -> Result<Sums, BoxError> {
        self.0.save()
    }
    fn restore(state: Sums, context: &Context) -> Result<First, BoxError> {
        Drawer::restore(state, context).map(First)
    }
    fn migrate(from: u32, raw: RawState<'_>) -> Result<Sums, BoxError> {
        assert_eq!(from, 2);
        let (pairs, additions, check) = raw.decode::<Pairs>()?;
        // Some states of a later version do not fit the earlier one.
        let sums = from_pairs((pairs, additions, check));
        if additions % 4 == 3 { Err("it does not go back".into()) } else { Ok(sums) }
    }
}
