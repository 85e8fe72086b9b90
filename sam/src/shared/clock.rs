//! Reading the clock that [`Time`] counts on.

use crate::time::Time;

/// The moment of now. A read of the vdso: no system call, no lock; async-signal-safe.
#[inline]
pub(crate) fn now() -> Time {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a timespec that this call may write; CLOCK_MONOTONIC always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut spec) };
    Time((spec.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(spec.tv_nsec as u64))
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
