//! Editions of one interface, as its callers and components were built at different times.
#![allow(clippy::len_without_is_empty, clippy::type_complexity, reason = "an edition has the methods that it is about")]

/// The first edition.
pub mod first {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many books there are.
        fn len(&self) -> u32;
    }
}

/// The first edition with its methods in another order.
pub mod reordered {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// How many books there are.
        fn len(&self) -> u32;
        /// The edition whose default body serves.
        fn edition(&self) -> String {
            "reordered".to_owned()
        }
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
    }
}

/// The first edition with additional methods, which have default bodies, before, between and after the
/// others.
pub mod grown {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The first book. The default body calls other methods, which the component has.
        fn first_or(&self, otherwise: String) -> String {
            if self.len() == 0 { otherwise } else { self.get(0) }
        }
        /// How many books there are.
        fn len(&self) -> u32;
        /// Lends each book until `visit` returns `false`, and returns how many were lent. The default body
        /// calls a method that has a default body, too.
        fn each(&self, visit: &dyn Fn(u32, &str) -> bool) -> u32 {
            (0..self.len()).take_while(|&at| visit(at, &self.first_from(at))).count() as u32
        }
        /// The book at a place; for `each`.
        fn first_from(&self, at: u32) -> String {
            self.get(at)
        }
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// Gives each book and then each of the tail away.
        fn give(&self, take: Box<dyn Fn(String) + Send>, tail: Vec<String>) -> u32 {
            let books = (0..self.len()).map(|at| self.get(at));
            books.chain(tail).map(take).count() as u32
        }
        /// The edition whose default body serves.
        fn edition(&self) -> String {
            "grown".to_owned()
        }
        /// The default body panics.
        fn clean(&self) -> Result<u32, lcr::Fault> {
            panic!("nobody cleans")
        }
    }
}

/// The first edition with an additional method that has no default body.
pub mod demanding {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many books there are.
        fn len(&self) -> u32;
        /// What the shelf is about.
        fn topic(&self) -> Option<String>;
    }
}

/// The second version, which also serves handles of the first.
pub mod second {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2, replaces(1))]
    pub trait Shelf {
        /// The place of a book.
        fn find(&self, book: &str) -> Option<u32>;
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many books there are.
        fn len(&self) -> u32;
    }
}

/// A second version that does not claim to replace the first.
pub mod silent {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2)]
    pub trait Shelf {
        /// The place of a book.
        fn find(&self, book: &str) -> Option<u32>;
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many books there are.
        fn len(&self) -> u32;
    }
}

/// A second version that claims to replace the first, and cannot.
pub mod changed {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2, replaces(1))]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u64) -> String;
        /// How many books there are.
        fn len(&self) -> u32;
    }
}

/// A librarian, who depends on a shelf in another edition.
#[lcr::interface(name = "test.librarian", version = 1, deps(reordered::Shelf))]
pub trait Librarian {
    /// All books of the shelf that the librarian depends on, and its edition.
    fn inventory(&self) -> (Vec<String>, String);
    /// All books of a shelf that the caller holds, and its edition.
    fn look_at(&self, shelf: lcr::Handle<dyn reordered::Shelf>) -> Result<(Vec<String>, String), lcr::Fault>;
    /// The topic of a shelf that the caller holds.
    fn topic(&self, shelf: lcr::Handle<dyn demanding::Shelf>) -> Result<Option<String>, lcr::Fault>;
    /// Gives books of a shelf that the caller holds.
    fn hand_out(
        &self,
        shelf: lcr::Handle<dyn grown::Shelf>,
        take: Box<dyn Fn(String) + Send>,
        tail: Vec<String>,
    ) -> u32;
    /// The shelf that the librarian depends on.
    fn lend(&self) -> lcr::Handle<dyn reordered::Shelf>;
}
