//! A larder of version `V`.

use std::{
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

use lcr_tests::kitchen::Bell;

#[derive(Default)]
pub struct Shelf<const V: u32> {
    pub kept: AtomicU64,
    bell: Mutex<Bell>,
    pub under_way: AtomicU32,
    is_gone: AtomicBool,
}

/// A call that is under way.
pub struct Call<'a, const V: u32>(&'a Shelf<V>);

impl<const V: u32> Drop for Call<'_, V> {
    fn drop(&mut self) {
        assert!(!self.0.is_gone.load(Ordering::SeqCst), "a call outlived its instance");
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<const V: u32> Shelf<V> {
    pub fn call(&self) -> Call<'_, V> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Call(self)
    }

    pub async fn delivered(&self) -> u64 {
        let before = self.bell.lock().unwrap().rung();
        poll_fn(|context| {
            let mut bell = self.bell.lock().unwrap();
            if bell.rung() > before {
                return Poll::Ready(bell.rung());
            }
            bell.wake(context.waker());
            Poll::Pending
        })
        .await
    }

    pub fn deliver(&self) -> u64 {
        let (_, waiting) = self.bell.lock().unwrap().ring();
        let count = waiting.len() as u64;
        waiting.into_iter().for_each(Waker::wake);
        count
    }
}

impl<const V: u32> Drop for Shelf<V> {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::SeqCst);
        assert_eq!(self.under_way.load(Ordering::SeqCst), 0, "an instance is destroyed under a call");
    }
}

impl<const V: u32> lcr::Stateful for Shelf<V> {
    type State = u64;

    fn save(&self) -> Result<u64, lcr::BoxError> {
        Ok(self.kept.load(Ordering::SeqCst))
    }

    fn restore(state: u64, _: &lcr::Context) -> Result<Shelf<V>, lcr::BoxError> {
        let shelf = Shelf::default();
        shelf.kept.store(state, Ordering::SeqCst);
        Ok(shelf)
    }
}

macro_rules! larder {
    ($number:literal, $version:literal $(, $option:ident)*) => {
        #[lcr::component(name = "larder", version = $version, state $(, $option)*)]
        impl Larder for Shelf<$number> {
            async fn store(&self, count: u64, steps: u32) -> Result<u64, Spoiled> {
                let _call = self.call();
                for _ in 0..steps {
                    give_way().await;
                }
                Ok(self.kept.fetch_add(count, Ordering::SeqCst) + count)
            }

            async fn wait(&self) -> Result<u64, Spoiled> {
                let _call = self.call();
                Ok(self.delivered().await)
            }

            async fn ask(&self, whom: Box<dyn Fn() -> u64 + Send>) -> u64 {
                let _call = self.call();
                give_way().await;
                whom()
            }

            fn deliver(&self) -> u64 {
                Shelf::deliver(self)
            }

            fn count(&self) -> u64 {
                self.kept.load(Ordering::SeqCst)
            }

            fn version(&self) -> u32 {
                $number
            }

            fn under_way(&self) -> u32 {
                self.under_way.load(Ordering::SeqCst)
            }
        }
    };
}
pub(crate) use larder;
