//! Reads the clock of [`Time`], and the processor's counter below it.

use crate::time::Time;

/// The moment of now. A read of the vdso: no system call, no lock; async-signal-safe.
#[inline]
pub(crate) fn now() -> Time {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a timespec that this call may write; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut spec) };
    Time((spec.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(spec.tv_nsec as u64))
}

/// The name that the kernel has for the counter that [`count`] reads (Linux,
/// `Documentation/timers/timekeeping.rst`). Empty where `count` reads none.
pub(crate) const COUNTER: &str = if cfg!(target_arch = "x86_64") { "tsc" } else { "" };

/// Where the processor's counter stands, without its highest bit, which may be set when a machine begins.
/// Where the kernel trusts the counter, this is what a beat costs: a third of reading the clock. The
/// supervisor's `tsc` turns counts into times.
#[inline]
pub(crate) fn count() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction. A process that forbids it to itself
    // (PR_SET_TSC) forbids it to the vdso's clock, too.
    unsafe {
        std::arch::x86_64::_rdtsc() & (u64::MAX >> 1)
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_run_backwards_and_does_run() {
        let first = now();
        let mut last = first;
        while last == first {
            let next = now();
            assert!(next >= last);
            last = next;
        }
    }
}
