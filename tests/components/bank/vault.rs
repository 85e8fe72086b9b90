//! A vault of version `V`: scripted, with a sum as its state.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, RawState, Stateful};
use lcr_tests::script::{Moment, Role, Script};
use serde::{Deserialize, Serialize};

/// The sum, and who keeps it.
pub struct Safe<const V: u32> {
    sum: AtomicU64,
    role: Role,
}

/// The state. Each version of the vault has a version of the state.
#[derive(Serialize, Deserialize)]
pub struct Books {
    sum: u64,
    script: Script,
}

fn name(version: u32) -> String {
    format!("vault {version}.0.0")
}

impl<const V: u32> Safe<V> {
    /// An empty vault; its configuration, if there is one, is its script.
    pub fn open(context: &Context) -> Result<Safe<V>, BoxError> {
        let script = if context.is_configured() { context.config()? } else { Script::default() };
        Ok(Safe { sum: AtomicU64::new(0), role: Role::begin(name(V), script, Moment::Create)? })
    }

    /// The health check.
    pub fn check(&self) -> Result<(), BoxError> {
        self.role.play(Moment::Healthy)
    }

    /// Which version this is.
    pub fn answer(&self) -> u32 {
        self.role.answer();
        V
    }

    /// Adds and returns the sum.
    pub fn add(&self, n: u64) -> u64 {
        self.sum.fetch_add(n, Ordering::Relaxed) + n
    }
}

impl<const V: u32> Stateful for Safe<V> {
    type State = Books;
    const STATE_VERSION: u32 = V;

    fn save(&self) -> Result<Books, BoxError> {
        self.role.play(Moment::Save)?;
        Ok(Books { sum: self.sum.load(Ordering::Relaxed), script: self.role.script().clone() })
    }

    fn migrate(_: u32, raw: RawState<'_>) -> Result<Books, BoxError> {
        let books: Books = raw.decode()?;
        books.script.play(&name(V), Moment::Migrate)?;
        Ok(books)
    }

    fn restore(Books { sum, script }: Books, _: &Context) -> Result<Safe<V>, BoxError> {
        Ok(Safe { sum: AtomicU64::new(sum), role: Role::begin(name(V), script, Moment::Restore)? })
    }
}
