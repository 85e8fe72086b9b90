//! The waiter, who awaits the kitchen.

use lcr::{Context, Error, Handle};
use lcr_tests::kitchen::{Burnt, Kitchen, Waiter};

struct Tray {
    kitchen: Handle<dyn Kitchen>,
}

impl Tray {
    fn take(context: &Context) -> Result<Tray, Error> {
        Ok(Tray { kitchen: context.dependency()? })
    }
}

#[lcr::component(name = "waiter", version = "1.0.0", create = Self::take)]
impl Waiter for Tray {
    async fn order(&self, dish: &str, steps: u32) -> String {
        let dish = dish.to_owned();
        self.kitchen.cook(&dish, steps).await
    }
    async fn wait(&self) -> u64 {
        self.kitchen.wait().await
    }
    async fn burn(&self, steps: u32) -> Result<u32, Burnt> {
        self.kitchen.burn(steps).await
    }
}
