//! A brook whose methods return streams, and a canal that is fed by it.

use futures_util::stream::{self, StreamExt as _};
use lcr::{Fault, Serde, Stream};

/// Flows.
#[lcr::interface(name = "tests.brook", version = 1)]
pub trait Brook {
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// The numbers from `from` on, without end. Gives way so often before each.
    fn count(&self, from: u64, steps: u32) -> impl Stream<Item = u64> + Send;
    /// The number of each drop that falls from now on.
    fn watch(&self) -> impl Stream<Item = Result<u64, Dry>> + Send;
    /// The numbers of the last drops, known at once, which end with the implementation's own.
    fn last(&self, count: u64) -> impl Stream<Item = Result<u64, Dry>> + Send;
    /// Lets a drop fall, and wakes everyone who watches.
    fn drip(&self) -> u64;
    /// How many streams are under way: begun, and neither ended nor dropped.
    fn under_way(&self) -> u32;
    /// The words that are wanted, with a gap before each.
    fn words<'a>(
        &'a self,
        text: &'a str,
        wants: &'a (dyn Fn(&str) -> bool + Sync),
    ) -> impl Stream<Item = String> + Send + 'a;
    /// Each value as the function changes it.
    fn changed(&self, values: &[u32], with: Box<dyn Fn(u32) -> u32 + Send>) -> impl Stream<Item = u32> + Send;
    /// Returns what it is given, so often.
    fn echo(&self, leaf: Serde<Leaf>, often: u32) -> impl Stream<Item = Serde<Leaf>> + Send;
    /// So many items, then a panic.
    fn burst(&self, items: u32, steps: u32) -> impl Stream<Item = Result<u32, Dry>> + Send;
    /// The same without an error for it.
    fn spill(&self, items: u32, steps: u32) -> impl Stream<Item = u32> + Send;
    /// A panic before there is a stream.
    fn dam(&self) -> impl Stream<Item = Result<u32, Dry>> + Send {
        assert!(self.version() == 0, "dammed");
        stream::empty()
    }
    /// Each name with a number.
    fn numbered(&self, mut names: Vec<String>, from: u64) -> impl Stream<Item = (u64, String)> + Send {
        names.push("mouth".to_owned());
        self.count(from, 1).zip(stream::iter(names))
    }
}

/// What floats.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Leaf {
    /// Of which tree.
    pub tree: Option<String>,
}

/// Why there is no drop.
#[derive(Clone, PartialEq, Debug, lcr::Abi)]
pub enum Dry {
    /// The stream was not served, or not to its end.
    Fault(Fault),
}

impl From<Fault> for Dry {
    fn from(fault: Fault) -> Dry {
        Dry::Fault(fault)
    }
}

/// Is fed by the brook.
#[lcr::interface(name = "tests.canal", version = 1, deps(Brook))]
pub trait Canal {
    /// The numbers from `from` on, twice each.
    fn doubled(&self, from: u64) -> impl Stream<Item = u64> + Send;
    /// What the brook's watchers see.
    fn watch(&self) -> impl Stream<Item = Result<u64, Dry>> + Send;
    /// The items of a burst of the brook.
    fn burst(&self, items: u32) -> impl Stream<Item = Result<u32, Dry>> + Send;
}

/// A well in several editions, of which components and programs are built against different ones.
pub mod well {
    /// The first edition.
    pub mod first {
        use lcr::Stream;

        /// Has depths.
        #[lcr::interface(name = "tests.well", version = 1)]
        pub trait Well {
            /// Each depth down to this one.
            fn depths(&self, to: u32) -> impl Stream<Item = u32> + Send;
        }
    }

    /// The second edition, which has one method more.
    pub mod second {
        use futures_util::StreamExt as _;
        use lcr::Stream;

        /// Has depths, and sums of them.
        #[lcr::interface(name = "tests.well", version = 1)]
        pub trait Well {
            /// The sums of the depths.
            fn sums(
                &self,
                to: u32,
                wants: &(dyn Fn(u32) -> bool + Sync),
                change: Box<dyn Fn(u32) -> u32 + Send>,
            ) -> impl Stream<Item = u32> + Send {
                let depths = self.depths(to).filter(move |&depth| std::future::ready(wants(depth)));
                depths.scan(0, move |sum, depth| {
                    *sum += change(depth);
                    std::future::ready(Some(*sum))
                })
            }
            /// Each depth down to this one.
            fn depths(&self, to: u32) -> impl Stream<Item = u32> + Send;
        }
    }

    /// An edition whose method is an `async fn`.
    pub mod later {
        /// Has depths.
        #[lcr::interface(name = "tests.well", version = 1)]
        pub trait Well {
            /// Each depth down to this one.
            async fn depths(&self, to: u32) -> u32;
        }
    }

    /// An edition with another item.
    pub mod wide {
        use lcr::Stream;

        /// Has depths.
        #[lcr::interface(name = "tests.well", version = 1)]
        pub trait Well {
            /// Each depth down to this one.
            fn depths(&self, to: u32) -> impl Stream<Item = u64> + Send;
        }
    }
}
