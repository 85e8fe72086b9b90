//! The larder, version 2.

#[path = "shelf.rs"]
mod shelf;

use std::sync::atomic::Ordering;

use lcr_tests::{
    kitchen::give_way,
    larder::{Larder, Spoiled},
};
use shelf::{Shelf, larder};

larder!(2, "2.0.0");
