//! A teller of version `V`: scripted, depends on the vault, counts its customers.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Handle, RawState, Stateful};
use lcr_tests::{
    bank::Vault,
    script::{Moment, Role, Script},
};
use serde::{Deserialize, Serialize};

/// The number of customers, and the vault.
pub struct Counter<const V: u32> {
    customers: AtomicU64,
    pub vault: Handle<dyn Vault>,
    role: Role,
}

/// The state. Each version of the teller has a version of the state.
#[derive(Serialize, Deserialize)]
pub struct Ledger {
    customers: u64,
    script: Script,
}

fn name(version: u32) -> String {
    format!("teller {version}.0.0")
}

impl<const V: u32> Counter<V> {
    /// A teller without customers; its configuration, if there is one, is its script.
    pub fn open(context: &Context) -> Result<Counter<V>, BoxError> {
        let script = if context.is_configured() { context.config()? } else { Script::default() };
        Ok(Counter {
            customers: AtomicU64::new(0),
            vault: context.dependency()?,
            role: Role::begin(name(V), script, Moment::Create)?,
        })
    }

    /// The health check.
    pub fn check(&self) -> Result<(), BoxError> {
        self.role.play(Moment::Healthy)
    }

    /// Adds to the vault and returns its sum.
    pub fn deposit(&self, n: u64) -> u64 {
        self.customers.fetch_add(1, Ordering::Relaxed);
        self.vault.add(n)
    }

    /// How many deposits there were.
    pub fn customers(&self) -> u64 {
        self.customers.load(Ordering::Relaxed)
    }
}

impl<const V: u32> Stateful for Counter<V> {
    type State = Ledger;
    const STATE_VERSION: u32 = V;

    fn save(&self) -> Result<Ledger, BoxError> {
        self.role.play(Moment::Save)?;
        Ok(Ledger { customers: self.customers(), script: self.role.script().clone() })
    }

    fn migrate(_: u32, raw: RawState<'_>) -> Result<Ledger, BoxError> {
        let ledger: Ledger = raw.decode()?;
        ledger.script.play(&name(V), Moment::Migrate)?;
        Ok(ledger)
    }

    fn restore(Ledger { customers, script }: Ledger, context: &Context) -> Result<Counter<V>, BoxError> {
        Ok(Counter {
            customers: AtomicU64::new(customers),
            vault: context.dependency()?,
            role: Role::begin(name(V), script, Moment::Restore)?,
        })
    }
}
