//! The house of an inn of version `V`: counts the rooms that are let.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Stateful};

/// The house. Its configuration, if there is one, is how many rooms are let.
pub struct House<const V: u32> {
    let_rooms: AtomicU64,
    saves: AtomicU64,
    restores: u64,
}

impl<const V: u32> House<V> {
    /// Opens the house.
    pub fn open(context: &Context) -> Result<House<V>, BoxError> {
        let rooms = if context.is_configured() { context.config()? } else { 0 };
        Ok(House { let_rooms: AtomicU64::new(rooms), saves: AtomicU64::new(0), restores: 0 })
    }

    /// The health check of the auditor: nobody lets a thousand million rooms.
    #[allow(dead_code, reason = "not every inn is asked for its health")]
    pub fn check(&self) -> Result<(), String> {
        if self.count() < 1_000_000_000 { Ok(()) } else { Err("the house is full".to_owned()) }
    }

    /// Lets one more room.
    #[allow(dead_code, reason = "not every house lets rooms")]
    pub fn book(&self) -> u64 {
        self.let_rooms.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// How many rooms are let.
    pub fn count(&self) -> u64 {
        self.let_rooms.load(Ordering::Relaxed)
    }

    /// How often the state was saved and restored.
    #[allow(dead_code, reason = "not every house has an auditor")]
    pub fn moves(&self) -> (u64, u64) {
        (self.saves.load(Ordering::Relaxed), self.restores)
    }
}

impl<const V: u32> Stateful for House<V> {
    type State = (u64, u64, u64);

    fn save(&self) -> Result<(u64, u64, u64), BoxError> {
        let saves = self.saves.fetch_add(1, Ordering::Relaxed) + 1;
        Ok((self.count(), saves, self.restores))
    }

    fn restore((rooms, saves, restores): (u64, u64, u64), _: &Context) -> Result<House<V>, BoxError> {
        Ok(House { let_rooms: AtomicU64::new(rooms), saves: AtomicU64::new(saves), restores: restores + 1 })
    }
}
