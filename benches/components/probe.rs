//! The library that most measurements call into. The hand-written vtable of the
//! contract is code of the same image.

use std::hint::black_box;

use contract::{
    ADDEND,
    interfaces::{Adder, Pages, Points, Step, Twins, Values, Walk},
    walk::walk,
};

#[derive(Default)]
struct Probe(Adder);

#[lcr::component(name = "probe")]
impl Step for Probe {
    fn step(&self, x: u64) -> u64 {
        self.0.step(x)
    }
}

#[derive(Default)]
struct Both(Adder);

#[lcr::component(name = "probe")]
impl Twins for Both {
    fn one(&self, x: u64) -> u64 {
        self.0.step(x)
    }
    fn other(&self, x: u64) -> u64 {
        self.0.step(x)
    }
}

#[derive(Default)]
struct Summing;

#[lcr::component(name = "probe")]
impl Points for Summing {
    fn bare(&self, turns: u64) -> u64 {
        let mut sum = 0_u64;
        for n in 0..turns {
            sum = sum.wrapping_add(black_box(n));
        }
        sum
    }
    fn passing(&self, turns: u64) -> u64 {
        let mut sum = 0_u64;
        for n in 0..turns {
            sum = sum.wrapping_add(black_box(n));
            lcr::point!("bench.sum", sum: u64);
        }
        sum
    }
}

#[derive(Default)]
struct Paged(Pages);

#[lcr::component(name = "probe")]
impl Values for Paged {
    fn text_at(&self, text: &str) -> usize {
        text.as_ptr().addr()
    }
    fn bytes_at(&self, bytes: &[u8]) -> usize {
        bytes.as_ptr().addr()
    }
    fn give(&self) -> Vec<u8> {
        self.0.give()
    }
    fn take(&self, bytes: Vec<u8>) -> usize {
        self.0.take(bytes)
    }
}

#[derive(Default)]
struct Walker;

#[lcr::component(name = "probe")]
impl Walk for Walker {
    async fn walk(&self, x: u64, pends: u32) -> u64 {
        walk(ADDEND, x, pends).await
    }
}
