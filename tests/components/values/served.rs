//! Implementations of every interface of `lcr_tests::values::contract`.

mod collections;
mod composites;
mod faulty;
mod numbers;
mod of_std;
mod owners;
mod sequences;
mod sharing;
