//! The memory that each replaced generation leaves behind.

use std::{fs, time::Duration};

use contract::interfaces::Step;
use lcr::{Runtime, Status};

use crate::{
    Bench, Outcome,
    sheet::{Row, Section},
    stamps::Stamps,
};

/// Replacements before counting, and in each half that is counted.
const WARM_UP: usize = 50;
const HALF: usize = 100;

/// Memory in use at one moment, in bytes.
#[derive(Clone, Copy, Default)]
struct Usage {
    images: f64,
    heap: f64,
    resident: f64,
}

/// Replaces one component again and again.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let stamps = Stamps::of(bench.artifacts.path("plain")?, "plain")?;
    let runtime = Runtime::new()?;
    runtime.load(stamps.write(0, 0)?)?;
    let handle = runtime.service::<dyn Step>()?;
    let mut usages = [Usage::default(); 3];
    let mut version = 0;
    for (usage, steps) in usages.iter_mut().zip([WARM_UP, HALF, HALF]) {
        for _ in 0..steps {
            version += 1;
            runtime.replace(stamps.write(0, version)?)?;
            handle.step(1);
            runtime.wait_drained(Duration::from_secs(10))?;
            stamps.clear()?;
        }
        *usage = measured(&runtime.status())?;
    }
    let mut section = Section::new(
        "Memory",
        format!(
            "Bytes that stay behind for each of {} generations of a component of {} KiB, after its instance was \
             destroyed and its world freed: images stay mapped, because Rust's thread-locals make unmapping unsound.",
            2 * HALF,
            stamps.file_len() / 1024,
        ),
    );
    let parts = [
        ("mapped by images, address space", usages.map(|usage| usage.images)),
        ("allocated", usages.map(|usage| usage.heap)),
        ("resident, all told", usages.map(|usage| usage.resident)),
    ];
    for (what, bytes) in parts {
        let [first, second] = [0, 1].map(|half| (bytes[half + 1] - bytes[half]) / HALF as f64);
        let row =
            Row::new(format!("{what}: first {HALF}, then {HALF} generations"), format!("{first:.0} B, {second:.0} B"));
        let growth = second / first;
        let row = row.ratio(growth, "the first half").bound("constant (grows by at most a tenth)", growth <= 1.1);
        section.push(row.bounded_by("bookkeeping for each retained image"));
    }
    Ok(section)
}

fn measured(status: &Status) -> Outcome<Usage> {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let resident: f64 = pages.split(' ').nth(1).ok_or("statm has no second field")?.parse()?;
    Ok(Usage { images: status.retained_image_bytes as f64, heap: allocated(), resident: resident * 4096.0 })
}

/// Bytes that the C library's allocator has given out, to all images.
#[cfg(target_env = "gnu")]
fn allocated() -> f64 {
    // SAFETY: the function only reads the allocator's own counts.
    let info = unsafe { libc::mallinfo2() };
    (info.uordblks + info.hblkhd) as f64
}

/// The C library does not report it.
#[cfg(not(target_env = "gnu"))]
fn allocated() -> f64 {
    f64::NAN
}
