//! The interfaces of the tests' components.

#![allow(dead_code, reason = "a component uses one of them")]

/// Takes money.
#[lcr::interface(name = "shop.till", version = 1)]
pub trait Till {
    /// Takes the price of a purchase, and returns the sum.
    fn take(&self, purchase: Purchase) -> u64;

    /// The sum.
    fn total(&self) -> u64;

    /// What is printed at the top.
    fn title(&self) -> String {
        "till".to_owned()
    }
}

/// One purchase.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Purchase {
    /// The price of all articles together.
    pub cents: u64,
    /// How it was paid.
    pub paid: Payment,
}

/// How a purchase was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, lcr::Abi)]
pub enum Payment {
    /// In cash.
    Cash,
    /// By a card, with its last digits.
    Card(u16),
}

/// Greets, and sells.
#[lcr::interface(name = "shop.clerk", version = 1)]
pub trait Clerk {
    /// Sells for that many cents, and returns what the clerk says.
    fn sell(&self, cents: u64) -> String;
}

/// Methods of every kind.
#[lcr::interface(name = "shop.kinds", version = 1)]
pub trait Kinds {
    /// With a comment inside.
    fn plain(&self) -> u64;

    /// With attributes and comments of documentation.
    fn documented(&self, text: &str) -> String;

    /// On one line with the next one.
    fn one_line(&self) -> u64;

    /// On one line with the one before.
    fn beside(&self) -> u64;

    /// Asynchronous.
    async fn waits(&self, count: u64) -> Result<u64, String>;

    /// Called like a keyword.
    fn r#type(&self) -> String;

    /// Indented by tabs.
    fn tabs(&self) -> u64;

    /// One of two that `cfg` chooses between.
    fn chosen(&self) -> u64;

    /// Which the component lacks.
    fn lacking(&self) -> u64 {
        0
    }
}

/// Written by a macro.
#[lcr::interface(name = "shop.written", version = 1)]
pub trait Written {
    /// What the macro was given.
    fn given(&self) -> u64;
}
