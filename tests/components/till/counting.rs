//! The clerk, which depends on a till.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::till::{Moods, v1::Till};

/// Counts its calls.
pub struct Counting {
    moods: Moods,
    till: Handle<dyn Till>,
    calls: AtomicU64,
}

impl Counting {
    pub fn create(context: &Context) -> Result<Counting, BoxError> {
        Counting::restore(0, context)
    }
    pub fn healthy(&self) -> Result<(), BoxError> {
        self.moods.healthy.act("health")
    }
    pub fn till(&self) -> &Handle<dyn Till> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &self.till
    }
}

impl Stateful for Counting {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        self.moods.save.act("save")?;
        self.till.settle("save")?;
        Ok(self.calls.load(Ordering::Relaxed))
    }
    fn restore(calls: u64, context: &Context) -> Result<Counting, BoxError> {
        let moods: Moods = if context.is_configured() { context.config()? } else { Moods::default() };
        moods.create.act("create")?;
        moods.restore.act("restore")?;
        let till: Handle<dyn Till> = context.dependency()?;
        till.sums()?;
        Ok(Counting { moods, till, calls: AtomicU64::new(calls) })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = self.till.sums();
        let _ = self.moods.destroy.act("destroy");
    }
}

/// The component, with what the attribute says of it.
macro_rules! clerk {
    ($($says:tt)*) => {
        use counting::Counting;
        use lcr::{Bytes, Fault, Handle, Serde};
        use lcr_tests::till::{Sums, v1::Till};

        #[lcr::component(name = "clerk", version = "1.0.0", create = Self::create, healthy = Self::healthy, state, protected, $($says)*)]
        impl lcr_tests::till::Clerk for Counting {
            fn add(&self, key: u8, amount: u64) -> Result<u64, Fault> {
                Counting::till(self).add(key, amount)
            }
            fn sums(&self) -> Result<Serde<Sums>, Fault> {
                Counting::till(self).sums()
            }
            fn lend(&self, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault> {
                Counting::till(self).lend(1, &|n| f(n))
            }
            fn till(&self) -> Result<Handle<dyn Till>, Fault> {
                Ok(Counting::till(self).clone())
            }
            fn bytes(&self, seed: u64, len: u32) -> Result<Bytes, Fault> {
                Counting::till(self).bytes(seed, len)
            }
        }
    };
}
