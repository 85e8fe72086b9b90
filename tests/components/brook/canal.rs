//! The canal, which passes on what the brook's streams give.

use futures_util::StreamExt as _;
use lcr::{Context, Error, Handle, Stream};
use lcr_tests::brook::{Brook, Canal, Dry};

struct Lock {
    brook: Handle<dyn Brook>,
}

impl Lock {
    fn dig(context: &Context) -> Result<Lock, Error> {
        Ok(Lock { brook: context.dependency()? })
    }
}

#[lcr::component(name = "canal", version = "1.0.0", create = Self::dig)]
impl Canal for Lock {
    fn doubled(&self, from: u64) -> impl Stream<Item = u64> + Send {
        self.brook.count(from, 2).map(|number| number * 2)
    }

    fn watch(&self) -> impl Stream<Item = Result<u64, Dry>> + Send {
        self.brook.watch()
    }

    fn burst(&self, items: u32) -> impl Stream<Item = Result<u32, Dry>> + Send {
        self.brook.burst(items, 1)
    }
}
