//! The loops that calls are timed in.
//!
//! A loop this small runs 20 % faster or slower with where the linker happened to put
//! it. So each exists in [`LAYOUTS`] copies that begin at different places of a cache
//! line, and a race goes round through the copies.
//!
//! They are macros, so that each call is compiled as if it had been written in a loop
//! there: the call itself decides whether it is inlined, not a closure around it.

use core::arch::asm;

/// How many copies of each loop there are.
pub const LAYOUTS: usize = 4;

/// Calls that do not wait for each other; the sum of their results.
#[macro_export]
macro_rules! stream {
    ($layout:expr, $calls:expr, |$x:ident| $call:expr) => {{
        let calls: u64 = $calls;
        let mut sum = 0_u64;
        $crate::laid_out!($layout, {
            for $x in 0..calls {
                sum = sum.wrapping_add($call);
            }
        });
        sum
    }};
}

/// Calls that each take the last one's result; the last result.
#[macro_export]
macro_rules! chain {
    ($layout:expr, $calls:expr, |$x:ident| $call:expr) => {{
        let calls: u64 = $calls;
        let mut last = 0_u64;
        $crate::laid_out!($layout, {
            for _ in 0..calls {
                let $x = last;
                last = $call;
            }
        });
        last
    }};
}

/// The copy of a loop that `$layout` picks.
#[doc(hidden)]
#[macro_export]
macro_rules! laid_out {
    ($layout:expr, $body:block) => {
        match $layout % $crate::loops::LAYOUTS {
            0 => {
                $crate::loops::pad::<0>();
                $body
            }
            1 => {
                $crate::loops::pad::<16>();
                $body
            }
            2 => {
                $crate::loops::pad::<32>();
                $body
            }
            _ => {
                $crate::loops::pad::<48>();
                $body
            }
        }
    };
}

/// Instructions that do nothing but take place.
#[inline(always)]
pub fn pad<const LENGTH: usize>() {
    // SAFETY: `nop` has no effect.
    unsafe { asm!(".rept {n}", "nop", ".endr", n = const LENGTH, options(nomem, nostack, preserves_flags)) };
}
