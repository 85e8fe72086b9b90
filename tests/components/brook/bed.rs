//! A brook of version `V`.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Poll, Waker},
};

use futures_util::stream::{self, StreamExt as _};
use lcr::Stream;
use lcr_tests::{brook::Dry, kitchen::Bell};

#[derive(Default)]
pub struct Bed<const V: u32> {
    bell: Mutex<Bell>,
    under_way: AtomicU32,
    is_gone: AtomicBool,
}

/// A stream that is under way.
pub struct Flow<'a, const V: u32>(&'a Bed<V>);

impl<const V: u32> Drop for Flow<'_, V> {
    fn drop(&mut self) {
        assert!(!self.0.is_gone.load(Ordering::SeqCst), "a stream outlived its instance");
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<const V: u32> Bed<V> {
    pub fn flow(&self) -> Flow<'_, V> {
        self.under_way.fetch_add(1, Ordering::SeqCst);
        Flow(self)
    }

    /// Gives way before each item of a stream, and before its end. The stream is under way as long as it is there,
    /// and panics if it is polled behind its end.
    pub fn slow<T: Send>(&self, mut items: impl Iterator<Item = T> + Send, steps: u32) -> impl Stream<Item = T> + Send {
        let (mut left, mut is_over, flow) = (steps, false, self.flow());
        stream::poll_fn(move |context| {
            let _flow = &flow;
            assert!(!is_over, "polled behind its end");
            if left > 0 {
                left -= 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            left = steps;
            let item = items.next();
            is_over = item.is_none();
            Poll::Ready(item)
        })
    }

    pub fn watch(&self) -> impl Stream<Item = Result<u64, Dry>> + Send {
        let (mut seen, flow) = (self.bell.lock().unwrap().rung(), self.flow());
        stream::poll_fn(move |context| {
            let Flow(bed) = &flow;
            let mut bell = bed.bell.lock().unwrap();
            if bell.rung() > seen {
                seen += 1;
                return Poll::Ready(Some(Ok(seen)));
            }
            bell.wake(context.waker());
            Poll::Pending
        })
    }

    pub fn last(&self, count: u64) -> impl Stream<Item = Result<u64, Dry>> + Send {
        let (rung, flow) = (self.rung(), self.flow());
        let drops = (rung.saturating_sub(count) + 1..=rung).chain([u64::from(V)]);
        stream::iter(drops).map(move |number| {
            let _flow = &flow;
            Ok(number)
        })
    }

    pub fn rung(&self) -> u64 {
        self.bell.lock().unwrap().rung()
    }

    pub fn drip(&self) -> u64 {
        let (rung, waiting) = self.bell.lock().unwrap().ring();
        waiting.into_iter().for_each(Waker::wake);
        rung
    }

    pub fn under_way(&self) -> u32 {
        self.under_way.load(Ordering::SeqCst)
    }
}

impl<const V: u32> Drop for Bed<V> {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::SeqCst);
        assert_eq!(self.under_way(), 0, "an instance is destroyed under a stream");
    }
}

impl<const V: u32> lcr::Stateful for Bed<V> {
    type State = u64;

    fn save(&self) -> Result<u64, lcr::BoxError> {
        Ok(self.rung())
    }

    fn restore(rung: u64, _: &lcr::Context) -> Result<Bed<V>, lcr::BoxError> {
        let bed = Bed::default();
        *bed.bell.lock().unwrap() = Bell::that_has_rung(rung);
        Ok(bed)
    }
}

macro_rules! brook {
    ($number:literal, $version:literal $(, $option:ident)*) => {
        #[lcr::component(name = "brook", version = $version $(, $option)*)]
        impl Brook for Bed<$number> {
            fn version(&self) -> u32 {
                $number
            }

            fn count(&self, from: u64, steps: u32) -> impl Stream<Item = u64> + Send {
                self.slow(from.., steps)
            }

            fn watch(&self) -> impl Stream<Item = Result<u64, Dry>> + Send {
                Bed::watch(self)
            }

            fn last(&self, count: u64) -> impl Stream<Item = Result<u64, Dry>> + Send {
                Bed::last(self, count)
            }

            fn drip(&self) -> u64 {
                Bed::drip(self)
            }

            fn under_way(&self) -> u32 {
                Bed::under_way(self)
            }

            fn words<'a>(
                &'a self,
                text: &'a str,
                wants: &'a (dyn Fn(&str) -> bool + Sync),
            ) -> impl Stream<Item = String> + Send + 'a {
                self.slow(text.split(' ').filter(|word| wants(word)).map(str::to_owned), 1)
            }

            fn changed(&self, values: &[u32], with: Box<dyn Fn(u32) -> u32 + Send>) -> impl Stream<Item = u32> + Send {
                self.slow(values.iter().map(move |&value| with(value)), 1)
            }

            fn echo(&self, leaf: Serde<Leaf>, often: u32) -> impl Stream<Item = Serde<Leaf>> + Send {
                self.slow((0..often).map(move |_| Serde(leaf.0.clone())), 1)
            }

            fn burst(&self, items: u32, steps: u32) -> impl Stream<Item = Result<u32, Dry>> + Send {
                self.slow((0..).map(move |item| if item < items { Ok(item) } else { panic!("burst in {}", $number) }), steps)
            }

            fn spill(&self, items: u32, steps: u32) -> impl Stream<Item = u32> + Send {
                self.slow((0..).map(move |item| if item < items { item } else { panic!("spilt in {}", $number) }), steps)
            }
        }
    };
}
pub(crate) use brook;
