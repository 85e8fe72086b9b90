//! Watches the life of an object: no call may run in it after its end.

use std::{
    panic,
    sync::atomic::{AtomicU64, Ordering},
};

use lcr::{BoxError, Context, Handle};

use super::{Census, Epoch};

const ALIVE: u64 = 0x00A1_17E0_00A1_17E0;
const DEAD: u64 = 0xDEAD_DEAD_DEAD_DEAD;

/// Each object of the crowd's components holds one of these for as long as it lives.
pub struct Life {
    /// In the object. Its destructor overwrites this, and so does the next owner of its memory.
    near: AtomicU64,
    /// Outside of the object, and never freed, so what it says of a destroyed object is certain.
    far: &'static AtomicU64,
    epoch: Epoch,
    number: u64,
    census: Handle<dyn Census>,
}

impl Life {
    /// Begins a life. The object's configuration is its epoch.
    ///
    /// # Errors
    /// If there is no census.
    pub fn begin(context: &Context) -> Result<Life, BoxError> {
        // The caller that gets the fault reports the panic; some tests make thousands of panics.
        panic::set_hook(Box::new(|_| {}));
        let epoch = if context.is_configured() { context.config()? } else { 0 };
        let census: Handle<dyn Census> = context.dependency()?;
        let number = census.born()?;
        let far = Box::leak(Box::new(AtomicU64::new(ALIVE)));
        Ok(Life { near: AtomicU64::new(ALIVE), far, epoch, number, census })
    }

    /// Checks that the object is alive, and returns its epoch.
    ///
    /// # Panics
    /// If it is not.
    pub fn epoch(&self) -> Epoch {
        self.check();
        self.epoch
    }

    /// Runs a method's body with the epoch, and checks before and after it that the object is alive.
    ///
    /// # Panics
    /// If it is not.
    pub fn during<R>(&self, body: impl FnOnce(Epoch) -> R) -> R {
        self.check();
        let result = body(self.epoch);
        self.check();
        result
    }

    fn check(&self) {
        let (near, far) = (self.near.load(Ordering::Relaxed), self.far.load(Ordering::Relaxed));
        assert!(near == ALIVE && far == ALIVE, "a call ran in a destroyed object ({near:x}, {far:x})");
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.near.store(DEAD, Ordering::Relaxed);
        let number = if self.far.swap(DEAD, Ordering::Relaxed) == ALIVE { self.number } else { u64::MAX };
        // At the end of a runtime the census may be gone already.
        let _ = self.census.died(number);
    }
}
