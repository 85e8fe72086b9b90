//! The loops that calls are timed in.
//!
//! A loop this small runs 20 % faster or slower with where the linker happened to put
//! it. So each exists in [`LAYOUTS`] copies that begin at different places of a cache
//! line, and whoever times them goes round.

use core::arch::asm;

/// How many copies of each loop there are.
pub const LAYOUTS: usize = 4;

/// Calls that do not wait for each other; the sum of their results.
#[inline(always)]
pub fn stream(layout: usize, calls: u64, call: impl FnMut(u64) -> u64) -> u64 {
    match layout % LAYOUTS {
        0 => stream_at::<0>(calls, call),
        1 => stream_at::<16>(calls, call),
        2 => stream_at::<32>(calls, call),
        _ => stream_at::<48>(calls, call),
    }
}

/// Calls that each take the last one's result; the last result.
#[inline(always)]
pub fn chain(layout: usize, calls: u64, call: impl FnMut(u64) -> u64) -> u64 {
    match layout % LAYOUTS {
        0 => chain_at::<0>(calls, call),
        1 => chain_at::<16>(calls, call),
        2 => chain_at::<32>(calls, call),
        _ => chain_at::<48>(calls, call),
    }
}

#[inline(never)]
fn stream_at<const PAD: usize>(calls: u64, mut call: impl FnMut(u64) -> u64) -> u64 {
    pad::<PAD>();
    let mut sum = 0_u64;
    for i in 0..calls {
        sum = sum.wrapping_add(call(i));
    }
    sum
}

#[inline(never)]
fn chain_at<const PAD: usize>(calls: u64, mut call: impl FnMut(u64) -> u64) -> u64 {
    pad::<PAD>();
    let mut last = 0;
    for _ in 0..calls {
        last = call(last);
    }
    last
}

/// Instructions that do nothing but take place.
#[inline(always)]
fn pad<const PAD: usize>() {
    // SAFETY: `nop` has no effect.
    unsafe { asm!(".rept {n}", "nop", ".endr", n = const PAD, options(nomem, nostack, preserves_flags)) };
}
