//! A component with a thread pool of its own, which it ends, and a global one, which nothing ends.

use std::sync::{Mutex, mpsc};

use lcr::Context;
use lcr_tests::interfaces::Summer;
use rayon::prelude::*;

struct Pooled {
    pool: Option<rayon::ThreadPool>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Pooled {
    fn open(_: &Context) -> Result<Pooled, rayon::ThreadPoolBuildError> {
        let (end, ended) = mpsc::channel();
        let builder = rayon::ThreadPoolBuilder::new().num_threads(2).thread_name(|place| format!("summer-{place}"));
        let pool = builder.exit_handler(move |_| drop(end.clone())).build()?;
        Ok(Pooled { pool: Some(pool), ended: Mutex::new(ended) })
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        drop(self.pool.take());
        while self.ended.get_mut().unwrap().recv().is_ok() {}
    }
}

#[lcr::component(name = "summer", version = "1.0.0", create = Self::open)]
impl Summer for Pooled {
    fn sum(&self, values: &[u64]) -> u64 {
        self.pool.as_ref().map_or(0, |pool| pool.install(|| values.par_iter().sum()))
    }
    fn sum_globally(&self, values: &[u64]) -> u64 {
        values.par_iter().sum()
    }
}
