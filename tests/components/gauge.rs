//! The gauge.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use lcr_tests::gauge::{Gauge, Level};

/// Counts its ticks.
#[derive(Default)]
pub struct Dial {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    ticks: AtomicU64,
    last: AtomicU64,
}

#[lcr::component(name = "gauge", version = "1.0.0")]
impl Gauge for Dial {
    fn sum(&self, values: Vec<u32>, label: &str) -> String {
        let mut sum: u64 = values.iter().map(|value| u64::from(*value)).sum();
        let (mut values, mut label) = (values, label.to_owned());
        let mut level = if sum == 0 { Level::Empty } else { Level::Filled { by: sum, of: 100 } };
        lcr::point!("gauge.sum", sum: u64, values: Vec<u32>, label: String, level: Level);
        format!("{label}: {sum} of {} at {level:?}", values.len())
    }

    fn start(&self) {
        let shared = Arc::clone(&self.shared);
        let ticking = thread::spawn(move || {
            while !shared.is_stopped.load(Ordering::SeqCst) {
                let mut number = shared.ticks.fetch_add(1, Ordering::SeqCst);
                lcr::point!("gauge.tick", number: u64);
                shared.last.store(number, Ordering::SeqCst);
                thread::yield_now();
            }
        });
        *self.thread.lock().unwrap() = Some(ticking);
    }

    fn last_tick(&self) -> u64 {
        self.shared.last.load(Ordering::SeqCst)
    }

    fn ticks(&self) -> u64 {
        self.shared.ticks.load(Ordering::SeqCst)
    }

    fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Dial {
    fn drop(&mut self) {
        self.stop();
    }
}
