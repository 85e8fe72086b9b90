//! The larder, version 1.

#[path = "shelf.rs"]
mod shelf;

use std::sync::atomic::Ordering;

use lcr_tests::{
    kitchen::give_way,
    larder::{Larder, Spoiled},
};
use shelf::{Shelf, larder};

larder!(1, "1.0.0");
