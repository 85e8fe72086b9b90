//! A mill that keeps nothing: its flour goes to a barn, which the program provides. What goes wrong in it is its
//! configuration.

use lcr::Fault;
use serde::{Deserialize, Serialize};

/// Which calls of [`Mill::grind`], or of [`Press::press`], go wrong: of each kind one of so many, none if 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// Panics.
    pub panics: u64,
    /// Returns an error.
    pub errs: u64,
    /// Has one grain too many, adds one too many, or lists from the end.
    pub lies: u64,
    /// Takes 5 ms.
    pub lingers: u64,
    /// Waits until the barn is open.
    pub hangs: u64,
    /// Whether it says that it is not healthy.
    pub is_ill: bool,
    /// Whether its constructor and its destructor store nothing in the barn.
    pub asks_barn: bool,
}

/// What a customer wants.
#[derive(Clone, Debug, PartialEq, Eq, lcr::Abi)]
pub struct Order {
    /// Who.
    pub customer: Customer,
    /// How many sacks of which flour.
    pub sacks: Vec<(String, u32)>,
    /// What is to become of them.
    pub way: Way,
}

/// Who buys flour.
#[derive(Clone, Debug, PartialEq, Eq, lcr::Abi)]
pub struct Customer {
    /// The name.
    pub name: String,
    /// What opens the customer's account.
    #[abi(secret)]
    pub code: u64,
}

/// How an order leaves the mill.
#[derive(Clone, Debug, PartialEq, Eq, lcr::Abi)]
pub enum Way {
    /// The customer comes.
    Fetched,
    /// By rail.
    Sent {
        /// Where.
        station: String,
    },
}

/// Why a mill grinds nothing.
#[derive(Clone, Debug, PartialEq, Eq, lcr::Abi)]
pub enum MillError {
    /// There is no grain.
    Empty,
    /// A wheel is broken.
    Broken {
        /// Which call this was.
        call: u64,
    },
    /// A fault, in words.
    Faulted(String),
}

impl From<Fault> for MillError {
    fn from(fault: Fault) -> MillError {
        MillError::Faulted(fault.to_string())
    }
}

/// Keeps flour.
#[lcr::interface(name = "mill.barn", version = 1)]
pub trait Barn {
    /// Adds to the flour; returns how much there is.
    fn store(&self, flour: u64) -> u64;
    /// How much flour there is.
    #[lcr(pure)]
    fn stock(&self) -> u64 {
        0
    }
    /// Whether it is open.
    #[lcr(pure)]
    fn is_open(&self) -> bool {
        true
    }
}

/// Grinds.
#[lcr::interface(name = "mill.mill", version = 1, patches, deps(Barn))]
pub trait Mill {
    /// The flour of so much grain: twice as much.
    #[lcr(pure)]
    fn grind(&self, grain: u64) -> Result<u64, MillError>;
    /// Which version this is.
    #[lcr(pure)]
    fn version(&self) -> u32;
    /// Puts flour into the barn; returns how much is there.
    fn deliver(&self, flour: u64) -> u64;
    /// How much flour the barn has.
    #[lcr(pure)]
    fn stock(&self) -> u64;
    /// How long a sack's label is. What it says is nobody's business.
    #[lcr(pure)]
    fn whisper(&self, #[abi(secret)] label: &str, sack: u64) -> u64;
    /// Adds one to each of the numbers.
    #[lcr(pure)]
    fn sift(&self, sacks: &mut [u64]);
    /// Adds one to each of the numbers, and returns a label.
    #[lcr(pure)]
    fn weigh(&self, sacks: &mut [u64], label: &str) -> String;
    /// Packs what a customer wants, and returns a label.
    #[lcr(pure)]
    fn pack(&self, order: Order) -> String;
    /// So many numbers, from 0 on, in no promised order.
    #[lcr(pure)]
    fn list(&self, count: u64) -> Vec<u64>;
    /// Calls back while inside.
    #[lcr(pure)]
    fn inside(&self, f: &dyn Fn());
    /// Keeps a function.
    #[lcr(pure)]
    fn bell(&self, ring: Box<dyn Fn() + Send>);
    /// Comes when it is polled.
    async fn later(&self) -> u32;
}

/// Presses oil. It has no method that a candidate could not serve.
#[lcr::interface(name = "mill.press", version = 1)]
pub trait Press {
    /// The oil of so many seeds: half as much.
    fn press(&self, seeds: u64) -> Result<u64, MillError>;
    /// Which version this is.
    fn version(&self) -> u32;
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}
