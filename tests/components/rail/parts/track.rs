//! A track, with or without state, by the options of its component.

use std::sync::atomic::{AtomicU64, Ordering};

use lcr::{BoxError, Context, Stateful};

/// How often trains rolled over it.
#[derive(Default)]
pub struct Rails(AtomicU64);

impl Rails {
    /// Once more.
    pub fn roll(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Stateful for Rails {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn restore(rolled: u64, _: &Context) -> Result<Rails, BoxError> {
        Ok(Rails(AtomicU64::new(rolled)))
    }
}

/// Makes the component.
#[allow(unused_macros, reason = "each track uses one of the two")]
macro_rules! narrow {
    ($($options:tt)*) => {
        #[lcr::component(name = "track", version = "1.0.0" $($options)*)]
        impl lcr_tests::rail::narrow::Track for Rails {
            fn gauge(&self) -> u32 {
                1000
            }
            fn roll(&self) -> u64 {
                Rails::roll(self)
            }
        }
    };
}

/// Makes the component.
#[allow(unused_macros, reason = "each track uses one of the two")]
macro_rules! broad {
    ($($options:tt)*) => {
        #[lcr::component(name = "track", version = "2.0.0" $($options)*)]
        impl lcr_tests::rail::broad::Track for Rails {
            fn gauge(&self) -> u32 {
                1520
            }
            fn roll(&self) -> u64 {
                Rails::roll(self)
            }
            fn width(&self) -> u32 {
                1520
            }
        }
    };
}
