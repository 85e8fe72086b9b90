//! A route with state, which waits in its requests for timers of a tokio runtime of its own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

mod interface;
use interface::{Reply, Route};
use lcr::{BoxError, Context, Fault, Stateful};

#[derive(Default)]
struct Visits {
    count: AtomicU64,
}

impl Stateful for Visits {
    type State = u64;
    const STATE_VERSION: u32 = 1;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.count.load(Ordering::Relaxed))
    }

    fn restore(count: u64, _: &Context) -> Result<Visits, BoxError> {
        Ok(Visits { count: AtomicU64::new(count) })
    }
}

#[lcr::component(name = "visits", version = "1.0.0", state, runtime = tokio)]
impl Route for Visits {
    async fn answer(&self, _: &str) -> Result<Reply, Fault> {
        // Stands for a question to a database. A worker of the program polls this, and has other requests meanwhile.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Reply { status: 200, body: format!("visit {count}\n") })
    }
}
