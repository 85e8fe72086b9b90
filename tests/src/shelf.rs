//! Editions of one interface, as its callers and components were built at different times.
#![allow(clippy::len_without_is_empty, clippy::type_complexity, reason = "an edition has the methods that it is about")]

/// The first edition.
pub mod first {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many there are.
        fn len(&self) -> u32;
    }
}

/// The first edition with its methods in another order.
pub mod reordered {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// How many there are.
        fn len(&self) -> u32;
        /// Which edition's default body serves.
        fn edition(&self) -> String {
            "reordered".to_owned()
        }
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
    }
}

/// The first edition and methods with default bodies, before, between and behind.
pub mod grown {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The first book; calls other methods, which the component has.
        fn first_or(&self, otherwise: String) -> String {
            if self.len() == 0 { otherwise } else { self.get(0) }
        }
        /// How many there are.
        fn len(&self) -> u32;
        /// Lends each book until told to stop; how many were lent. Calls a method that has
        /// a default body of its own.
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
        /// Which edition's default body serves.
        fn edition(&self) -> String {
            "grown".to_owned()
        }
        /// Panics, unless the component knows better.
        fn clean(&self) -> Result<u32, lcr::Fault> {
            panic!("nobody cleans")
        }
    }
}

/// The first edition and a method without a default body.
pub mod demanding {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 1)]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many there are.
        fn len(&self) -> u32;
        /// What the shelf is about.
        fn topic(&self) -> Option<String>;
    }
}

/// The second version, which serves the first one's handles, too.
pub mod second {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2, replaces(1))]
    pub trait Shelf {
        /// Where a book is.
        fn find(&self, book: &str) -> Option<u32>;
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many there are.
        fn len(&self) -> u32;
    }
}

/// A second version that says nothing of the first.
pub mod silent {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2)]
    pub trait Shelf {
        /// Where a book is.
        fn find(&self, book: &str) -> Option<u32>;
        /// The book at a place, or an empty text.
        fn get(&self, at: u32) -> String;
        /// How many there are.
        fn len(&self) -> u32;
    }
}

/// A second version that promises to serve the first one's handles, and cannot.
pub mod changed {
    /// Books in a row.
    #[lcr::interface(name = "test.shelf", version = 2, replaces(1))]
    pub trait Shelf {
        /// The book at a place, or an empty text.
        fn get(&self, at: u64) -> String;
        /// How many there are.
        fn len(&self) -> u32;
    }
}

/// Somebody who uses a shelf in an edition of his own.
#[lcr::interface(name = "test.librarian", version = 1, deps(reordered::Shelf))]
pub trait Librarian {
    /// All books of the shelf that he depends on, and its edition.
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
    /// The shelf that he depends on.
    fn lend(&self) -> lcr::Handle<dyn reordered::Shelf>;
}
