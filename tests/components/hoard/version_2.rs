//! The hoard, version 2: its state has the type of version 1.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;
#[path = "chest.rs"]
mod chest;

keeper!(chest::Treasure, "2.0.0", 2, unload);
