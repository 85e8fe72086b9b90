//! Reading the clock that [`Time`] counts on, and the processor's counter below it.

use crate::time::Time;

/// The moment of now. A read of the vdso: no system call, no lock; async-signal-safe.
#[inline]
pub(crate) fn now() -> Time {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a timespec that this call may write; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut spec) };
    Time((spec.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(spec.tv_nsec as u64))
}

/// The kernel's name for the counter that [`count`] reads, where it takes its own time from it
/// (Linux, `Documentation/timers/timekeeping.rst`); empty where we read none.
pub(crate) const COUNTER: &str = if cfg!(target_arch = "x86_64") { "tsc" } else { "" };

/// Where the processor's counter stands, but for its highest bit, which some machine may begin
/// with: what a beat costs where the kernel trusts the counter, a
/// third of reading the clock. What it is worth, the supervisor's `counter` knows.
#[inline]
pub(crate) fn count() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every processor of this architecture has the instruction. Where it is forbidden to this
    // process (PR_SET_TSC) forbade it to the vdso's clock, too.
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
