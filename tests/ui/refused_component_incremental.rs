use std::{collections::HashMap, sync::Mutex};

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct Plain {
    entries: Mutex<HashMap<u64, u64>>,
}

#[derive(Default)]
struct Unlocked {
    entries: lcr::Tracked<HashMap<u64, u64>>,
}

#[derive(Default)]
struct Whole {
    entries: Mutex<lcr::Tracked<HashMap<u64, u64>>>,
}

macro_rules! stateful {
    ($ty:ty) => {
        impl lcr::Stateful for $ty {
            type State = ();
            fn save(&self) -> Result<(), lcr::BoxError> {
                Ok(())
            }
            fn restore(_: (), _: &lcr::Context) -> Result<Self, lcr::BoxError> {
                Ok(Self::default())
            }
        }
    };
}

stateful!(Plain);
stateful!(Unlocked);
stateful!(Whole);

#[lcr::component(state, incremental = entries)]
impl Store for Plain {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component(state, incremental = entries)]
impl Store for Unlocked {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component(state, incremental = values)]
impl Store for Whole {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
