//! A kitchen of version `V`, without state.

use std::{
    future::poll_fn,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Poll, Waker},
};

use lcr::{BoxError, Context, Stateful};
use lcr_tests::kitchen::Bell;

#[derive(Default)]
pub struct Stove<const V: u32> {
    bell: Mutex<Bell>,
    under_way: AtomicU32,
}

/// A call that is under way.
pub struct Call<'a>(&'a AtomicU32);

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<const V: u32> Stove<V> {
    pub fn call(&self) -> Call<'_> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Call(&self.under_way)
    }

    pub fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Waits until the bell rings once more.
    pub async fn rung(&self) -> u64 {
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

    pub fn ring(&self) -> u64 {
        let (rung, waiting) = self.bell.lock().unwrap().ring();
        waiting.into_iter().for_each(Waker::wake);
        rung
    }
}

impl<const V: u32> Stateful for Stove<V> {
    type State = u64;
    const STATE_VERSION: u32 = 1;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.bell.lock().unwrap().rung())
    }

    fn restore(rung: u64, _: &Context) -> Result<Stove<V>, BoxError> {
        Ok(Stove { bell: Mutex::new(Bell::that_has_rung(rung)), under_way: AtomicU32::new(0) })
    }
}

impl<const V: u32> Drop for Stove<V> {
    fn drop(&mut self) {
        assert_eq!(self.under_way.load(Ordering::SeqCst), 0, "no call is inside a destroyed instance");
    }
}

/// The kitchen of one version.
macro_rules! kitchen {
    ($number:tt, $version:tt $(, $option:ident)*) => {
        #[lcr::component(name = "kitchen", version = $version $(, $option)*)]
        impl Kitchen for Stove<$number> {
            async fn version(&self) -> u32 {
                $number
            }

            async fn cook(&self, dish: &str, steps: u32) -> String {
                let _call = self.call();
                for _ in 0..steps {
                    give_way().await;
                }
                format!("{dish} by {}", $number)
            }

            async fn wait(&self) -> u64 {
                let _call = self.call();
                self.rung().await
            }

            fn ring(&self) -> u64 {
                Stove::ring(self)
            }

            fn under_way(&self) -> u32 {
                Stove::under_way(self)
            }

            async fn chop(&self, values: &mut [u32], by: u32) {
                let _call = self.call();
                for value in values {
                    give_way().await;
                    *value += by;
                }
            }

            async fn taste(&self, likes: &(dyn Fn(&str) -> bool + Sync), dishes: Vec<String>) -> u32 {
                let _call = self.call();
                let mut liked = 0;
                for dish in &dishes {
                    liked += u32::from(likes(dish));
                    give_way().await;
                }
                liked
            }

            async fn season(&self, dish: u32, with: Box<dyn Fn(u32) -> u32 + Send>) -> u32 {
                let _call = self.call();
                give_way().await;
                with(dish)
            }

            async fn burn(&self, steps: u32) -> Result<u32, Burnt> {
                let _call = self.call();
                for _ in 0..steps {
                    give_way().await;
                }
                panic!("burnt by {}", $number)
            }

            async fn spill(&self, steps: u32) -> u32 {
                let _call = self.call();
                for _ in 0..steps {
                    give_way().await;
                }
                panic!("spilt by {}", $number)
            }

            async fn echo(&self, order: Serde<Order>) -> Serde<Order> {
                give_way().await;
                order
            }
        }
    };
}
pub(crate) use kitchen;
