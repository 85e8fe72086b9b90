//! The interfaces of the tests' components.

#![allow(dead_code, reason = "a component uses one of them")]

/// Takes money.
#[lcr::interface(name = "shop.till", version = 1, patches)]
pub trait Till {
    /// Takes the price of a purchase, and returns the sum.
    fn take(&self, purchase: Purchase) -> u64;

    /// The sum.
    #[lcr(pure)]
    fn total(&self) -> u64;

    /// What is printed at the top.
    #[lcr(pure)]
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

/// What the tests of calls call.
#[lcr::interface(name = "shop.desk", version = 1)]
pub trait Desk {
    /// The price of some articles.
    #[lcr(pure)]
    fn price(&self, article: &str, count: u32) -> Result<u64, String>;

    /// Multiplies each value.
    #[lcr(pure)]
    fn multiply(&self, values: &mut [u64], by: u64) -> u128;

    /// Who sits here.
    #[lcr(pure)]
    fn owner(&self, #[abi(secret)] code: &str) -> Option<Owner>;

    /// Returns when `release` was called.
    #[lcr(pure)]
    fn wait(&self);

    /// Lets those go that wait.
    fn release(&self);

    /// Calls back.
    #[lcr(pure)]
    fn ask(&self, question: &dyn Fn(u8) -> u8) -> u8;

    /// Comes later, or never if `count` is 0.
    #[lcr(pure)]
    async fn later(&self, count: u64) -> u64;
}

/// Who sits at a desk.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Owner {
    /// The owner's name.
    pub name: String,
    /// What opens the drawer.
    #[abi(secret)]
    pub code: String,
}
