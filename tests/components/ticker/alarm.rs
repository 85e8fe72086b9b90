//! A component with a tokio runtime of its own, loaded or linked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lcr::{BoxError, Context, Fault};
use lcr_tests::interfaces::Ticker;
use tokio::{
    runtime::{Builder, Runtime},
    time,
};

/// Ticks in the background.
pub struct Alarm {
    ticks: Arc<AtomicU64>,
    tokio: Runtime,
}

impl Alarm {
    fn set(_: &Context) -> Result<Alarm, BoxError> {
        let tokio = Builder::new_multi_thread().worker_threads(1).thread_name("ticker").enable_time().build()?;
        let ticks = Arc::new(AtomicU64::new(0));
        let ticking = Arc::clone(&ticks);
        tokio.spawn(async move {
            loop {
                time::sleep(Duration::from_millis(1)).await;
                ticking.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(Alarm { ticks, tokio })
    }
}

#[lcr::component(name = "ticker", version = "1.0.0", create = Self::set)]
impl Ticker for Alarm {
    fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
    fn wait(&self) -> Result<(), Fault> {
        self.tokio.block_on(async { time::sleep(Duration::from_millis(1)).await });
        Ok(())
    }
    fn spawn(&self) -> Result<(), Fault> {
        drop(tokio::spawn(async {}));
        Ok(())
    }
}
