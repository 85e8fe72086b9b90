//! Wants of a callback that it is `Sync`, in a spelling that says `Send`.

use std::thread;

use lcr_tests::chorus::misspelt::Chorus;

/// Two voices.
#[derive(Default)]
pub struct Duet;

#[lcr::component(name = "chorus", version = "3.0.0")]
impl Chorus for Duet {
    fn sing(&self, below: u64, voice: &(dyn Fn(u64) + Sync)) {
        thread::scope(|scope| {
            for part in 0..2 {
                scope.spawn(move || (part..below).step_by(2).for_each(voice));
            }
        });
    }
}
