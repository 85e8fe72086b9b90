//! Calls back from the thread that called.

use lcr_tests::chorus::alone::{Chorus, Keeper};

/// One voice.
#[derive(Default)]
pub struct Soloist;

#[lcr::component(name = "chorus", version = "1.0.0")]
impl Chorus for Soloist {
    fn sing(&self, below: u64, voice: &dyn Fn(u64)) {
        (0..below).for_each(voice);
    }
}

#[lcr::component(name = "chorus", version = "1.0.0")]
impl Keeper for Soloist {
    fn keep(&self, below: u64, voice: Box<dyn Fn(u64) + Send>) {
        (0..below).for_each(voice);
    }
}
