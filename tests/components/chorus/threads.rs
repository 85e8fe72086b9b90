//! Calls back from four threads at a time.

use std::{sync::Arc, thread};

use lcr_tests::chorus::shared::{Chorus, Keeper};

/// Four voices.
#[derive(Default)]
pub struct Quartet;

#[lcr::component(name = "chorus", version = "2.0.0")]
impl Chorus for Quartet {
    fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Send + Sync)) {
        thread::scope(|scope| {
            for part in 0..4 {
                scope.spawn(move || (part..below).step_by(4).for_each(voice));
            }
        });
    }
}

#[lcr::component(name = "chorus", version = "2.0.0")]
impl Keeper for Quartet {
    fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send + Sync>) {
        let voice: Arc<dyn Fn(u64) + Send + Sync> = Arc::from(voice);
        self.sing(below, &*voice);
    }
}
