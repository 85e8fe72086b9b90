//! A journal that leaves its lines unchanged.

mod interfaces;
use interfaces::Journal;

#[derive(Default)]
struct Plain;

#[lcr::component(name = "plain-journal", version = "1.0.0")]
impl Journal for Plain {
    fn append(&self, line: &str) -> String {
        line.to_owned()
    }
}
