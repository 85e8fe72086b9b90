//! A diner whose image may be unmapped, and who polls the kitchen with a waker of that image.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Wake, Waker},
};

use lcr::{Error, Handle};
use lcr_tests::kitchen::{Diner, Kitchen};

struct Table {
    kitchen: Handle<dyn Kitchen>,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Table {
    fn take(context: &lcr::Context) -> Result<Table, Error> {
        Ok(Table { kitchen: context.dependency()?, woken: Arc::default() })
    }
}

#[lcr::component(name = "diner", version = "1.0.0", create = Self::take, unload)]
impl Diner for Table {
    fn look_in(&self) {
        let waker = Waker::from(Arc::clone(&self.woken));
        let waits = pin!(self.kitchen.wait());
        assert!(waits.poll(&mut Context::from_waker(&waker)).is_pending());
    }

    fn woken(&self) -> u64 {
        self.woken.0.load(Ordering::SeqCst)
    }
}
