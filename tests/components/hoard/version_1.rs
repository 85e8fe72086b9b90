//! The hoard, version 1.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;
#[path = "chest.rs"]
mod chest;

keeper!(chest::Treasure, "1.0.0", 1, unload);
