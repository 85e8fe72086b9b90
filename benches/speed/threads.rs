//! Whether two threads on two cores slow each other down.

use std::{hint::black_box, sync::Barrier, thread, time::Duration};

use crate::{
    Bench, Outcome,
    call_kinds::CallKind,
    ours::HANDLE,
    processes::{Task, race_apart},
    rounds::{Times, calls_in, time},
    sheet::{Row, Section, nanoseconds},
};

/// Two threads share no memory that either writes.
const MACHINE: &str = "two busy cores slow each other on this machine: compare the bare call";
const SLICE: Duration = Duration::from_millis(4);

/// Compares each kind of call on one thread and on two that run at the same moment.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new(
        "Two threads",
        "Nanoseconds per call of each of two threads, one to a core, that call the same handle at the same time; the \
         ratio is to one thread alone, within a round. The bare call shows what the machine itself does to two busy \
         cores.",
    );
    if bench.cores < 2 {
        section.push(Row::new("two threads", "not measured: this machine has one core"));
        return Ok(section);
    }
    let times = race_apart(Task::Threads, bench.rounds, bench.artifacts)?;
    for call_kind in bench.call_kinds {
        let both = both(call_kind.name);
        let ratio = times.ratio(&both, call_kind.name);
        let row = Row::new(call_kind.name, nanoseconds(times.median(&both))).ratio(ratio, "one thread");
        section.push(match call_kind.name {
            HANDLE => row.bound("at most 1.1x one thread", ratio <= 1.1).bounded_by(MACHINE),
            _ => row,
        });
    }
    Ok(section)
}

/// The name under which [`race`] notes a kind of call's times with two threads.
fn both(call_kind: &str) -> String {
    format!("{call_kind}, two threads")
}

/// Times each kind of call in this process.
pub(crate) fn race(call_kinds: &[CallKind<'_>], rounds: usize) -> Times {
    let mut times = Times::default();
    let counts: Vec<u64> = call_kinds.iter().map(|call_kind| calls_in(&mut call_kind.stream(), SLICE)).collect();
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            use_core(1);
            let mut loops: Vec<_> = call_kinds.iter().map(CallKind::stream).collect();
            let mut together = Vec::new();
            for _ in 0..rounds {
                for (run, &calls) in loops.iter_mut().zip(&counts) {
                    barrier.wait();
                    together.push(time(|| run(black_box(calls)), calls));
                }
            }
            together
        });
        let own = scope.spawn(|| {
            use_core(0);
            let mut loops: Vec<_> = call_kinds.iter().map(CallKind::stream).collect();
            let mut pairs = Vec::new();
            for _ in 0..rounds {
                for (run, &calls) in loops.iter_mut().zip(&counts) {
                    let alone = time(|| run(black_box(calls)), calls);
                    barrier.wait();
                    pairs.push((alone, time(|| run(black_box(calls)), calls)));
                }
            }
            pairs
        });
        let own = own.join().expect("the loops do not panic");
        let other = other.join().expect("the loops do not panic");
        for ((call_kind, (alone, own)), other) in call_kinds.iter().cycle().zip(own).zip(other) {
            times.push(call_kind.name, alone);
            times.push(&both(call_kind.name), (own + other) / 2.0);
        }
    });
    times
}

/// Keeps the calling thread on one core, where the system allows it.
fn use_core(core: usize) {
    // SAFETY: an all-zero set is an empty one.
    let mut cores: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set is ours.
    unsafe { libc::CPU_SET(core, &mut cores) };
    // SAFETY: the set is initialised; 0 names the calling thread. A refusal is harmless.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cores) };
}
