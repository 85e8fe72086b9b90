//! A librarian, whose editions of the shelf differ from those of other callers.

use lcr::{Context, Fault, Handle};
use lcr_tests::shelf::{
    Librarian, demanding,
    grown::{self, Shelf as _},
    reordered,
};

/// His shelf.
pub struct Desk(Handle<dyn reordered::Shelf>);

impl Desk {
    fn open(context: &Context) -> Result<Desk, lcr::Error> {
        // Callers get the text of a panic, so it need not be printed here.
        std::panic::set_hook(Box::new(|_| {}));
        context.dependency().map(Desk)
    }
}

fn look(shelf: &impl reordered::Shelf) -> (Vec<String>, String) {
    ((0..shelf.len()).map(|at| shelf.get(at)).collect(), shelf.edition())
}

#[lcr::component(name = "librarian", version = "1.0.0", create = Self::open)]
impl Librarian for Desk {
    fn inventory(&self) -> (Vec<String>, String) {
        look(&self.0)
    }
    fn look_at(&self, shelf: Handle<dyn reordered::Shelf>) -> Result<(Vec<String>, String), Fault> {
        Ok(look(&shelf))
    }
    fn topic(&self, shelf: Handle<dyn demanding::Shelf>) -> Result<Option<String>, Fault> {
        Ok(demanding::Shelf::topic(&shelf))
    }
    fn hand_out(&self, shelf: Handle<dyn grown::Shelf>, take: Box<dyn Fn(String) + Send>, tail: Vec<String>) -> u32 {
        shelf.give(take, tail)
    }
    fn lend(&self) -> Handle<dyn reordered::Shelf> {
        self.0.clone()
    }
}
