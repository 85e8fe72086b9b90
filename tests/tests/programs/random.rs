//! Random programs of safe code: see `programs/random`.
//!
//! Each seed runs in a process of its own, so a crash is an ordinary failure of the test, which names the seed
//! and shows the last operations. `LCR_RANDOM_SEED` repeats a seed, as far as threads allow.
//! `LCR_RANDOM_SECONDS` says how long to draw new seeds. With `LCR_RANDOM_UNLOAD=0` no image is unmapped.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use lcr_tests::program;

/// The seeds that every run has.
const FIXED: [u64; 3] = [1, 22, 333];
const THREADS: u64 = 4;
/// How many images one process maps.
const IMAGES: u64 = 3_000;
/// How long a program may take to destroy everything at its end.
const TO_END: Duration = Duration::from_secs(240);

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// The last lines of a file.
fn tail(path: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Runs the program of one seed for a while. Returns what it says.
fn run(seed: u64, time: Duration) -> String {
    let directory = tempfile::tempdir().unwrap();
    let (log, output) = (directory.path().join("log"), directory.path().join("output"));
    let scratch = directory.path().join("scratch");
    fs::create_dir(&scratch).unwrap();
    let out = fs::File::create(&output).unwrap();
    let unload = number("LCR_RANDOM_UNLOAD").is_none_or(|on| on != 0);
    let mut child = Command::new(program("random"))
        .args([seed, time.as_millis() as u64, THREADS, IMAGES].map(|number| number.to_string()))
        .arg(unload.to_string())
        .args([&log, &scratch])
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out)
        .spawn()
        .unwrap();
    let end = Instant::now() + time + TO_END;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            break None;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let how = status.map_or("did not end".to_owned(), |status| status.to_string());
    assert!(
        status.is_some_and(|status| status.success()),
        "seed {seed} failed: {how}\nrepeat it by LCR_RANDOM_SEED={seed} LCR_RANDOM_SECONDS={}\n\
         --- its last operations\n{}\n--- its output\n{}",
        time.as_secs().max(1),
        tail(&log, 80),
        tail(&output, 150),
    );
    tail(&output, 1)
}

#[test]
fn random_programs_of_safe_code_end_in_success_or_in_typed_errors() {
    let whole = Duration::from_secs(number("LCR_RANDOM_SECONDS").unwrap_or(8));
    if let Some(seed) = number("LCR_RANDOM_SEED") {
        println!("{}", run(seed, whole));
        return;
    }
    let begun = Instant::now();
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 >> 10;
    let seeds = FIXED.into_iter().chain((0..).map(|n| fresh + n));
    let round = (whole / 4).min(Duration::from_secs(10));
    for (at, seed) in seeds.enumerate() {
        if at > FIXED.len() && begun.elapsed() >= whole {
            break;
        }
        println!("{:4} s: {}", begun.elapsed().as_secs(), run(seed, round));
    }
}
