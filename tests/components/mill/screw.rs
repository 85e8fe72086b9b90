//! A press of some version.

macro_rules! press {
    ($version:literal, $number:literal) => {
        use std::{
            panic,
            sync::atomic::{AtomicU64, Ordering},
            thread,
            time::Duration,
        };

        use lcr::{BoxError, Context};
        use lcr_tests::mill::{MillError, Press, Ways};

        struct Screw {
            ways: Ways,
            calls: AtomicU64,
        }

        impl Screw {
            fn build(context: &Context) -> Result<Screw, BoxError> {
                let ways = if context.is_configured() { context.config()? } else { Ways::default() };
                Ok(Screw { ways, calls: AtomicU64::new(0) })
            }
        }

        #[lcr::component(name = "press", version = $version, create = Screw::build)]
        impl Press for Screw {
            fn press(&self, seeds: u64) -> Result<u64, MillError> {
                let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
                let is_one_of = |count: u64| count > 0 && call.is_multiple_of(count);
                let Ways { panics, errs, lingers, .. } = self.ways;
                if is_one_of(panics) {
                    // Without a call of the panic hook.
                    panic::resume_unwind(Box::new(format!("the screw broke at call {call}")));
                }
                if is_one_of(lingers) {
                    thread::sleep(Duration::from_millis(5));
                }
                if is_one_of(errs) { Err(MillError::Broken { call }) } else { Ok(seeds / 2) }
            }

            fn version(&self) -> u32 {
                $number
            }

            fn inside(&self, f: &dyn Fn()) {
                f();
            }
        }
    };
}
