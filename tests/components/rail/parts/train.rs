//! A train, with or without state, by the options of its component.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Handle, Stateful};
use lcr_tests::rail::Narrow;

use super::{GAUGE, Track, gauge};

/// A train on its track.
pub struct Cars {
    rides: AtomicU64,
    track: Handle<dyn Track>,
    built_on: u32,
}

impl Cars {
    /// A train that never rode.
    pub fn open(context: &Context) -> Result<Cars, BoxError> {
        Cars::restore(0, context)
    }

    pub fn ride(&self, f: &dyn Fn()) -> [u32; 3] {
        self.rides.fetch_add(1, Ordering::Relaxed);
        let before = gauge(&self.track);
        f();
        self.track.roll();
        [GAUGE, before, gauge(&self.track)]
    }

    pub fn rides(&self) -> u64 {
        self.rides.load(Ordering::Relaxed)
    }

    pub fn built_on(&self) -> u32 {
        self.built_on
    }

    pub fn lend(&self) -> Option<Narrow> {
        super::lend(&self.track)
    }
}

impl Stateful for Cars {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.rides())
    }

    fn restore(rides: u64, context: &Context) -> Result<Cars, BoxError> {
        let track: Handle<dyn Track> = context.dependency()?;
        let built_on = gauge(&track);
        Ok(Cars { rides: AtomicU64::new(rides), track, built_on })
    }
}

/// Makes the component.
macro_rules! train {
    ($version:literal $($options:tt)*) => {
        #[lcr::component(name = "train", version = $version, create = Self::open, deps(Track) $($options)*)]
        impl lcr_tests::rail::Train for train::Cars {
            fn ride(&self, f: &dyn Fn()) -> [u32; 3] {
                train::Cars::ride(self, f)
            }
            fn rides(&self) -> u64 {
                train::Cars::rides(self)
            }
            fn built_on(&self) -> u32 {
                train::Cars::built_on(self)
            }
            fn lend(&self) -> Option<lcr_tests::rail::Narrow> {
                train::Cars::lend(self)
            }
        }
    };
}
