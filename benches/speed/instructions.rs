//! Instructions per call, counted by callgrind: figures without noise.
//!
//! This program runs itself under `valgrind` with two different numbers of calls. The
//! difference in executed instructions, over the difference in calls, is the price of
//! one call, its loop included; what the first call sets up cancels out. Callgrind counts inside [`run_counted`] alone,
//! on the thread that calls it: some libraries have threads of their own, which work while time passes.

use std::{env, hint::black_box, process::Command};

use crate::{
    Bench, Outcome,
    artifacts::Artifacts,
    async_calls::{ASYNC_FFI, COUNTED, OURS},
    call_kinds::CallKind,
    ours::{HANDLE, INSIDE, PINNED},
    patches,
    peers::BARE,
    processes::{Job, Task},
    rounds::{Loop, Times},
    sheet::{Row, Section},
};

const FEW: u64 = 1_000;
const MANY: u64 = 21_000;

/// A call by handle, and one by pin, as counted in this way before methods could be patched, when tables had functions
/// and no pairs. Of one compiler and one processor: with others, count both.
const BEFORE_PATCHES: [(&str, f64); 2] = [(HANDLE, 38.0), (PINNED, 14.0)];

/// What the process under valgrind does. Every number of calls is made in the same
/// copies of the loop.
pub(crate) fn make_calls(call_kinds: &[CallKind<'_>], calls: u64) -> Times {
    for call_kind in call_kinds {
        run_counted(&mut call_kind.stream(), calls);
    }
    Times::default()
}

/// Makes the calls that are counted. Callgrind finds the function by its name.
#[inline(never)]
pub(crate) fn run_counted(run: &mut Loop<'_>, calls: u64) {
    black_box(run(black_box(calls)));
}

/// Counts every kind of call's instructions.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new("Instructions per call", "As counted by callgrind, the loop's own included.");
    if !has_valgrind() {
        section.push(Row::new("every kind of call", "not counted: valgrind is not installed"));
        return Ok(section);
    }
    let bare = instructions_per_call(Task::Count, BARE, bench.artifacts)?;
    for call_kind in bench.call_kinds {
        let instructions = instructions_per_call(Task::Count, call_kind.name, bench.artifacts)?;
        let row = Row::new(call_kind.name, format!("{instructions:.1}")).ratio(instructions / bare, "bare");
        section.push(match BEFORE_PATCHES.iter().find(|(name, _)| *name == call_kind.name) {
            Some((_, before)) => {
                let text = format!("at most 1.02x of {before:.1}, the count before methods could be patched");
                row.bound(text, instructions <= before * 1.02)
            }
            None => row,
        });
    }
    for name in [HANDLE, INSIDE] {
        let instructions = instructions_per_call(Task::CountOnTrial, name, bench.artifacts)?;
        let row = Row::new(format!("{name}, on trial"), format!("{instructions:.1}"));
        section.push(row.ratio(instructions / bare, "bare"));
    }
    for name in patches::CALL_KINDS {
        let instructions = instructions_per_call(Task::CountPatched, name, bench.artifacts)?;
        section.push(Row::new(name, format!("{instructions:.1}")).ratio(instructions / bare, "bare"));
    }
    for (pends, what) in [(0, "ready at once"), (1, "gives way once"), (10, "pends ten times")] {
        let kinds = COUNTED.iter().enumerate().filter(|(_, (_, often))| *often == pends);
        let count = |(kind, (name, _)): (usize, &(&'static str, u32))| {
            let instructions = instructions_per_call(Task::CountAsync, &kind.to_string(), bench.artifacts)?;
            Ok((*name, instructions))
        };
        let counts = kinds.map(count).collect::<Outcome<Vec<_>>>()?;
        let ffi =
            counts.iter().find(|(name, _)| *name == ASYNC_FFI).map_or(f64::NAN, |(_, instructions)| *instructions);
        for (name, instructions) in counts {
            let row = Row::new(format!("async, {name}, {what}"), format!("{instructions:.1}"));
            let row = row.ratio(instructions / ffi, ASYNC_FFI);
            section.push(match (name, pends) {
                (OURS, 10) => row.bound("at most half of `async-ffi`", instructions <= 0.5 * ffi),
                _ => row,
            });
        }
    }
    Ok(section)
}

fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

fn instructions_per_call(task: Task, call_kind: &str, artifacts: &Artifacts) -> Outcome<f64> {
    let few = instructions(task, call_kind, FEW, artifacts)?;
    let many = instructions(task, call_kind, MANY, artifacts)?;
    Ok((many as f64 - few as f64) / (MANY - FEW) as f64)
}

/// Instructions of a whole process that makes a number of calls.
fn instructions(task: Task, call_kind: &str, calls: u64, artifacts: &Artifacts) -> Outcome<u64> {
    let job = Job::new(task, calls, Some(call_kind));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*run_counted*"]);
    let output = command.arg(env::current_exe()?).args(job.arguments(artifacts)).output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected :"));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    count
        .filter(|_| output.status.success())
        .ok_or_else(|| format!("callgrind did not count {call_kind}: {report}").into())
}
