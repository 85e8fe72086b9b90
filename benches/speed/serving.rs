//! From a file to the first call that it serves.

use std::{fs, path::Path, time::Duration};

use contract::interfaces::Step;
use lcr::{Handle, Runtime};

use crate::{
    Bench, Outcome,
    artifacts::Artifacts,
    peers::{load_abi_stable, load_bare, load_stabby},
    rounds::{Times, time},
    sheet::{Row, Section, nanoseconds},
    stamps::Stamps,
};

const OURS: &str = "**`lcr`: replace a component, and call it**";
const DLOPEN: &str = "copy, `dlopen`, `dlsym`, call";
const ABI_STABLE: &str = "copy, load with `abi_stable`, call";
const STABBY: &str = "copy, load with `stabby`, call";
/// How many bytes the larger file has more, as with debug information.
const PADDING: usize = 4 << 20;

/// Loads a small file and a large one.
pub(crate) fn measure(bench: &Bench<'_, '_>) -> Outcome<Section> {
    let mut section = Section::new(
        "From a file to its first answer",
        "Each time another file, with its pages in memory. A replacement makes a private copy, checks that, reads \
         its manifest, hashes it, loads and links it, constructs the instance, and commits. What it is compared \
         with copies the same file, loads the copy, and calls it; `abi_stable` and `stabby` do so with libraries of \
         their own, and check types.",
    );
    let rounds = bench.rounds.min(40);
    let stamps = Stamps::of(bench.artifacts.path("plain")?, "plain")?;
    serve(&stamps, bench.artifacts, rounds, &mut section)?;
    serve(&stamps.padded(PADDING), bench.artifacts, rounds, &mut section)?;
    Ok(section)
}

/// The values that the contestants share.
struct Desk<'a> {
    runtime: Runtime,
    handle: Handle<dyn Step>,
    artifacts: &'a Artifacts,
    folder: &'a Path,
}

impl Desk<'_> {
    /// From `file`, or another library of the contestant's own, to a first answer.
    fn answer(&self, contestant: &str, file: &Path, round: usize) -> Outcome<u64> {
        let original = match contestant {
            OURS => {
                self.runtime.replace(file)?;
                return Ok(self.handle.step(1));
            }
            DLOPEN => file,
            ABI_STABLE => self.artifacts.path("peer_abi_stable")?,
            _ => self.artifacts.path("peer_stabby")?,
        };
        let copy = self.folder.join(format!("{round}-{}", contestant.len()));
        fs::copy(original, &copy)?;
        first_call(contestant, &copy)
    }
}

fn first_call(contestant: &str, library: &Path) -> Outcome<u64> {
    use contract::{peer_abi_stable::Step_TO, peer_stabby::StepDyn};
    Ok(match contestant {
        // SAFETY: the image stays mapped for ever.
        DLOPEN => unsafe { load_bare(library)?.step(1) },
        ABI_STABLE => Step_TO::step(&load_abi_stable(library)?, 1),
        _ => load_stabby(library)?.step(1),
    })
}

fn serve(stamps: &Stamps, artifacts: &Artifacts, rounds: usize, section: &mut Section) -> Outcome<()> {
    let runtime = Runtime::new()?;
    runtime.load(stamps.write(0, 0)?)?;
    let desk = Desk { handle: runtime.service()?, runtime, artifacts, folder: stamps.folder() };
    let padded = stamps.file_len() > PADDING;
    let contestants: &[&str] = if padded { &[OURS, DLOPEN] } else { &[OURS, DLOPEN, ABI_STABLE, STABBY] };
    let mut times = Times::default();
    for round in 1..=rounds {
        let file = stamps.write(0, round)?;
        for turn in 0..contestants.len() {
            let contestant = contestants[(turn + round) % contestants.len()];
            let mut answer = Ok(0);
            let ns = time(|| answer = desk.answer(contestant, &file, round), 1);
            answer?;
            times.push(contestant, ns);
        }
        desk.runtime.wait_drained(Duration::from_secs(10))?;
        stamps.clear()?;
    }
    for &contestant in contestants {
        let size = format!("{contestant} (a file of {} KiB)", stamps.file_len() / 1024);
        let what = if matches!(contestant, OURS | DLOPEN) { size } else { contestant.to_owned() };
        let ratio = times.ratio(contestant, DLOPEN);
        let row = Row::new(what, nanoseconds(times.median(contestant))).ratio(ratio, "copy and `dlopen`");
        section.push(match contestant {
            OURS => row.bound("at most 3x", ratio <= 3.0).bounded_by("copying and hashing the file, and a transaction"),
            _ => row,
        });
    }
    Ok(())
}
