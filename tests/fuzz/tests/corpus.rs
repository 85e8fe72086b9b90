//! Every input of the corpus, whole and damaged, without a fuzzer.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use lcr_tests::zoo::{Animal, Colour, External, Flat, Scalars};

/// How many damaged copies of each input are tried.
const DAMAGED: usize = 2_000;

/// Runs `reader` on a folder of the corpus: every file as it is, then copies of it with some
/// bytes changed, a piece cut out, or a piece of another file put in. The seed is fixed.
fn feed(folder: &str, reader: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(folder);
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let inputs: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!inputs.is_empty(), "{} has no input", folder.display());
    inputs.iter().for_each(|input| reader(input));

    let mut random = fastrand::Rng::with_seed(8);
    for input in &inputs {
        for _ in 0..DAMAGED {
            let mut bytes = input.clone();
            for _ in 0..random.usize(1..4) {
                damage(&mut bytes, &inputs, &mut random);
            }
            reader(&bytes);
        }
    }
}

fn damage(bytes: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut fastrand::Rng) {
    let at = random.usize(0..=bytes.len());
    let end = (at + random.usize(0..16)).min(bytes.len());
    match random.u8(0..4) {
        0 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.u8(..)),
        1 => bytes[at..end].fill([0, 1, 0x7f, 0x80, 0xff][random.usize(0..5)]),
        2 => drop(bytes.drain(at..end)),
        _ => {
            let other = &inputs[random.usize(0..inputs.len())];
            let from = random.usize(0..=other.len());
            let to = (from + random.usize(0..64)).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}

#[test]
fn damaged_manifests_are_read_or_refused() {
    feed("manifests", lcr_fuzz::manifests);
}

#[test]
fn damaged_files_are_read_or_refused() {
    feed("files", lcr_fuzz::files);
}

#[test]
fn damaged_state_is_read_or_refused() {
    feed("state", lcr_fuzz::state);
}

#[test]
fn damaged_messages_are_read_or_passed_over() {
    feed("messages", lcr_fuzz::messages);
}

#[test]
fn damaged_requests_are_read_or_refused() {
    feed("requests", lcr_fuzz::requests);
}

#[test]
fn damaged_journals_are_read_or_refused() {
    feed("journals", lcr_fuzz::journals);
}

#[test]
fn damaged_values_are_made_or_refused() {
    feed("values", lcr_fuzz::values);
}

#[test]
fn the_corpus_reaches_behind_the_first_checks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let read = |file: &str| fs::read(folder.join(file)).unwrap();
    assert!(lcr::__fuzzing::file(&read("files/small.so")), "the file is refused");
    assert!(lcr::__fuzzing::source(&read("files/source_records")) > 1, "the records are refused");
    assert!(lcr::__fuzzing::source(&read("files/source_table")) == 1, "the table is refused");
    assert!(lcr::__fuzzing::manifest(&read("manifests/counter")), "the record is refused");
    lcr::wire::decode::<Vec<Animal>>(&read("state/tagged")).unwrap();
    lcr::wire::decode::<Flat>(&read("state/flat")).unwrap();
    lcr::wire::decode::<Scalars>(&read("state/scalars")).unwrap();
    lcr::wire::decode::<HashMap<Option<Colour>, HashSet<External>>>(&read("state/keys")).unwrap();
    for file in fs::read_dir(folder.join("values")).unwrap() {
        let file = file.unwrap().path();
        assert!(lcr::__fuzzing::value(&fs::read(&file).unwrap()), "{} makes no value", file.display());
    }
    assert!(lcr::__fuzzing::requests(&read("requests/session")) > 3, "requests are refused");
    assert!(sam::__fuzzing::packets(&read("messages/packets")) > 0, "no packet is understood");
    assert!(sam::__fuzzing::notices(&read("messages/notices")) > 0, "no notice is understood");
}
