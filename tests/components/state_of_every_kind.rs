//! A component whose state has values of every kind that serde knows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lcr::{BoxError, Context, Serde, Stateful};
use lcr_tests::zoo::{Animal, Chain, Zoo};

#[derive(Default)]
struct Keeper(Mutex<(Vec<Animal>, Chain)>);

impl Keeper {
    fn kept(&self) -> MutexGuard<'_, (Vec<Animal>, Chain)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[lcr::component(state)]
impl Zoo for Keeper {
    fn keep(&self, animal: Serde<Animal>) {
        self.kept().0.push(animal.0);
    }

    fn animals(&self) -> Serde<Vec<Animal>> {
        Serde(self.kept().0.clone())
    }

    fn chain(&self, links: u32) {
        self.kept().1 = Chain::of(links);
    }

    fn links(&self) -> u32 {
        self.kept().1.len()
    }
}

impl Stateful for Keeper {
    type State = (Vec<Animal>, Chain);

    fn save(&self) -> Result<Self::State, BoxError> {
        Ok(self.kept().clone())
    }

    fn restore(state: Self::State, _: &Context) -> Result<Keeper, BoxError> {
        Ok(Keeper(Mutex::new(state)))
    }
}
