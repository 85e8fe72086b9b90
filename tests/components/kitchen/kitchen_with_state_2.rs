//! The kitchen, version 2, which keeps how often its bell has rung.

#[path = "cook.rs"]
mod cook;

use cook::{Stove, kitchen};
use lcr::Serde;
use lcr_tests::kitchen::{Burnt, Kitchen, Order, give_way};

kitchen!(2, "2.0.0", state);
