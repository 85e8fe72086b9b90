//! The head waiter, who awaits the waiter.

use lcr::{Context, Error, Handle};
use lcr_tests::kitchen::{Burnt, HeadWaiter, Waiter};

struct Desk {
    waiter: Handle<dyn Waiter>,
}

impl Desk {
    fn open(context: &Context) -> Result<Desk, Error> {
        Ok(Desk { waiter: context.dependency()? })
    }
}

#[lcr::component(name = "head_waiter", version = "1.0.0", create = Self::open)]
impl HeadWaiter for Desk {
    async fn order(&self, dish: &str, steps: u32) -> String {
        self.waiter.order(dish, steps).await
    }
    async fn wait(&self) -> u64 {
        self.waiter.wait().await
    }
    async fn burn(&self, steps: u32) -> Result<u32, Burnt> {
        self.waiter.burn(steps).await
    }
}
