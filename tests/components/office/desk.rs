//! The desk.

#[path = "parts/drawer.rs"]
mod drawer;

use drawer::Drawer;
use lcr_tests::office::{Desk, Epoch};

#[lcr::component(name = "desk", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Desk for Drawer {
    fn epoch(&self) -> Epoch {
        self.terms.epoch
    }
    fn note(&self, text: String) {
        Drawer::note(self, text);
    }
}
