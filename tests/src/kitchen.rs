//! A kitchen whose methods are async, a waiter who depends on it, and a host who depends on the waiter.

use std::{
    future::poll_fn,
    task::{Poll, Waker},
};

use lcr::{Fault, Serde};

/// Cooks.
#[lcr::interface(name = "tests.kitchen", version = 1)]
pub trait Kitchen {
    /// Which implementation this is, known at once.
    async fn version(&self) -> u32;
    /// Gives way as often as the dish takes, and names the implementation.
    async fn cook(&self, dish: &str, steps: u32) -> String;
    /// Waits for the bell; returns how often it has rung.
    async fn wait(&self) -> u64;
    /// Rings the bell: wakes everyone who waits.
    fn ring(&self) -> u64;
    /// How many calls are under way: begun, and neither ready nor dropped.
    fn under_way(&self) -> u32;
    /// Adds to each value, and gives way between two of them.
    async fn chop(&self, values: &mut [u32], by: u32);
    /// Counts the dishes that the guest likes, and gives way between two of them.
    async fn taste(&self, likes: &(dyn Fn(&str) -> bool + Sync), dishes: Vec<String>) -> u32;
    /// Gives way, then calls the function and drops it.
    async fn season(&self, dish: u32, with: Box<dyn Fn(u32) -> u32 + Send>) -> u32;
    /// Gives way, then panics.
    async fn burn(&self, steps: u32) -> Result<u32, Burnt>;
    /// Gives way, then panics; has no error for it.
    async fn spill(&self, steps: u32) -> u32;
    /// Returns the order as it came.
    async fn echo(&self, order: Serde<Order>) -> Serde<Order>;
    /// Cooks, in two steps.
    async fn garnish(&self, dish: &str, mut with: String, _: u32) -> String {
        with.push('!');
        let cooked = self.cook(dish, 2).await;
        format!("{cooked} with {with}")
    }
    /// Not more than this.
    fn seats(&self) -> u32 {
        12
    }
}

/// An order.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// The guest.
    pub guest: Option<String>,
    /// The dishes, with their numbers.
    pub dishes: Vec<(String, u32)>,
}

/// Why there is no dish.
#[derive(Clone, PartialEq, Debug, lcr::Abi)]
pub enum Burnt {
    /// The kitchen says so.
    Black(u32),
    /// The call was not served.
    Fault(Fault),
}

impl From<Fault> for Burnt {
    fn from(fault: Fault) -> Burnt {
        Burnt::Fault(fault)
    }
}

/// Takes orders to the kitchen.
#[lcr::interface(name = "tests.waiter", version = 1, deps(Kitchen))]
pub trait Waiter {
    /// Has it cooked, and says by which kitchen.
    async fn order(&self, dish: &str, steps: u32) -> String;
    /// Waits for the bell of the kitchen.
    async fn wait(&self) -> u64;
    /// Burns it.
    async fn burn(&self, steps: u32) -> Result<u32, Burnt>;
}

/// Takes guests to the waiter.
#[lcr::interface(name = "tests.head_waiter", version = 1, deps(Waiter))]
pub trait HeadWaiter {
    /// Has it ordered.
    async fn order(&self, dish: &str, steps: u32) -> String;
    /// Waits for the bell of the kitchen.
    async fn wait(&self) -> u64;
    /// Burns it.
    async fn burn(&self, steps: u32) -> Result<u32, Burnt>;
}

/// Gives way once: pending, and woken at once.
pub async fn give_way() {
    let mut gave_way = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave_way, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A bell that wakes those who wait for it.
#[derive(Debug, Default)]
pub struct Bell {
    rung: u64,
    waiting: Vec<Waker>,
}

impl Bell {
    /// A bell that has rung so often.
    pub fn that_has_rung(rung: u64) -> Bell {
        Bell { rung, waiting: Vec::new() }
    }

    /// Rings it. The caller wakes what it returns when it holds no lock.
    pub fn ring(&mut self) -> (u64, Vec<Waker>) {
        self.rung += 1;
        (self.rung, std::mem::take(&mut self.waiting))
    }

    /// How often it has rung.
    pub fn rung(&self) -> u64 {
        self.rung
    }

    /// Has the bell wake a task, once.
    pub fn wake(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    /// How many tasks wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// A menu in three editions, of which components and programs are built against different ones.
pub mod menu {
    /// The first edition.
    pub mod first {
        /// Knows prices.
        #[lcr::interface(name = "tests.menu", version = 1)]
        pub trait Menu {
            /// The price of a dish.
            async fn price(&self, dish: &str) -> u32;
        }
    }

    /// The second edition, which has one method more.
    pub mod second {
        /// Knows prices and sums.
        #[lcr::interface(name = "tests.menu", version = 1)]
        pub trait Menu {
            /// The sum of the prices of dishes, for which all prices are asked for.
            async fn sum(&self, mut dishes: Vec<String>, extra: &str) -> u32 {
                dishes.push(extra.to_owned());
                let mut sum = 0;
                for dish in &dishes {
                    sum += self.price(dish).await;
                }
                sum
            }
            /// The price of a dish.
            async fn price(&self, dish: &str) -> u32;
        }
    }

    /// An edition whose method is not async.
    pub mod plain {
        /// Knows prices.
        #[lcr::interface(name = "tests.menu", version = 1)]
        pub trait Menu {
            /// The price of a dish.
            fn price(&self, dish: &str) -> u32;
        }
    }
}

/// Waits for the bell of the kitchen, by an executor in the diner's own image.
#[lcr::interface(name = "tests.diner", version = 1, deps(Kitchen))]
pub trait Diner {
    /// Begins to wait, and gives it up at once. The bell keeps the waker.
    fn look_in(&self);
    /// How often a waker of this image was woken.
    fn woken(&self) -> u64;
}
