//! An inn: one object behind two interfaces, and what else there may be behind them.

/// Lets rooms.
#[lcr::interface(name = "inn.rooms", version = 1)]
pub trait Rooms {
    /// Lets one more room; returns how many are let.
    fn book(&self) -> u64;
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}

/// Looks at the same inn from behind.
#[lcr::interface(name = "inn.audit", version = 1)]
pub trait Audit {
    /// How many rooms are let.
    fn count(&self) -> u64;
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// How often the state was saved and restored on its way to this instance.
    fn moves(&self) -> (u64, u64);
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn());
}

/// Rings for the auditor.
#[lcr::interface(name = "inn.bell", version = 1, deps(Audit))]
pub trait Bell {
    /// How many rooms are let, as the auditor says.
    fn ring(&self) -> u64;
    /// Lets a room, as the auditor's object does.
    fn book(&self) -> Option<u64>;
}

/// An interface that no inn has.
#[lcr::interface(name = "inn.stable", version = 1)]
pub trait Stable {
    /// How many horses there are.
    fn horses(&self) -> u64;
}
