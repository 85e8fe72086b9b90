//! Fills 16 MiB before supervision begins. Each instance prints whether they are whole and how much of its
//! supervisor is in huge pages, changes some of them, and is killed.

use std::fs;

const LEN: usize = 16 << 20;

fn byte(index: usize) -> u8 {
    (index / 4096 + index % 251) as u8
}

fn main() {
    let mut bulk: Vec<u8> = (0..LEN).map(byte).collect();
    sam::Builder::new().supervise().unwrap();
    let app = sam::app();
    println!("whole {}", (0..LEN).all(|index| bulk[index] == byte(index)));
    // SAFETY: takes no pointers.
    let supervisor = unsafe { libc::getppid() };
    let rollup = fs::read_to_string(format!("/proc/{supervisor}/smaps_rollup")).unwrap();
    let huge = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:")).unwrap();
    println!("huge {}", huge.trim().trim_end_matches(" kB"));
    for index in (0..LEN).step_by(5000) {
        bulk[index] ^= 0xff;
    }
    std::hint::black_box(&bulk);
    if app.instance() < 4 {
        std::process::abort();
    }
}
