//! A desk that reports to a ledger, too, which its predecessors did not know.

#[path = "parts/drawer.rs"]
mod drawer;

use drawer::Drawer;
use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::office::{Archive, Desk, Epoch, Ledger};

/// A drawer with two bottoms.
pub struct Bottoms(Drawer);

impl Bottoms {
    fn open(context: &Context) -> Result<Bottoms, BoxError> {
        let archive: Handle<dyn Archive> = context.dependency()?;
        let ledger: Handle<dyn Ledger> = context.dependency()?;
        let file = move |line: String| {
            archive.file(line.clone());
            ledger.file(line);
        };
        Ok(Bottoms(Drawer::onto(Box::new(file), context)?))
    }

    fn check(&self) -> Result<(), String> {
        self.0.check()
    }
}

#[lcr::component(name = "desk", version = "3.0.0", create = Self::open, healthy = Self::check, deps(Ledger), state)]
impl Desk for Bottoms {
    fn epoch(&self) -> Epoch {
        self.0.terms.epoch
    }
    fn note(&self, text: String) {
        self.0.note(text);
    }
}

impl Stateful for Bottoms {
    type State = ();

    fn save(&self) -> Result<(), BoxError> {
        self.0.flush();
        Ok(())
    }

    fn restore((): (), context: &Context) -> Result<Bottoms, BoxError> {
        let Bottoms(drawer) = Bottoms::open(context)?;
        Ok(Bottoms(drawer.say_restored()))
    }
}
