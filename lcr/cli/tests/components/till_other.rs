//! A till that its callers do not know: one method is gone, and another one takes something else.

/// Takes money.
#[lcr::interface(name = "shop.till", version = 1)]
pub trait Till {
    /// Takes the price of a purchase, and returns it.
    fn take(&self, purchase: Purchase) -> u64;

    /// Opens the drawer.
    fn open(&self);
}

/// One purchase, without the way in which it was paid.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Purchase {
    /// The price.
    pub cents: u32,
}

#[derive(Default)]
struct Drawer;

#[lcr::component(name = "till", version = "4.0.0")]
impl Till for Drawer {
    fn take(&self, purchase: Purchase) -> u64 {
        purchase.cents.into()
    }

    fn open(&self) {}
}
