//! A mill of some version.

macro_rules! mill {
    ($version:literal, $number:literal, $label:literal) => {
        use std::{
            panic,
            sync::atomic::{AtomicU64, Ordering},
            thread,
            time::Duration,
        };

        use lcr::{BoxError, Context, Handle};
        use lcr_tests::mill::{Barn, Mill, MillError, Order, Ways};

        struct Wheel {
            ways: Ways,
            calls: AtomicU64,
            barn: Handle<dyn Barn>,
        }

        impl Wheel {
            fn build(context: &Context) -> Result<Wheel, BoxError> {
                let ways = if context.is_configured() { context.config()? } else { Ways::default() };
                let barn: Handle<dyn Barn> = context.dependency()?;
                if ways.asks_barn {
                    barn.store(0);
                }
                Ok(Wheel { ways, calls: AtomicU64::new(0), barn })
            }

            fn check(&self) -> Result<(), BoxError> {
                if self.ways.is_ill { Err("a wheel is missing".into()) } else { Ok(()) }
            }
        }

        impl Drop for Wheel {
            fn drop(&mut self) {
                if self.ways.asks_barn {
                    self.barn.store(0);
                }
            }
        }

        #[lcr::component(
                            name = "mill", version = $version, create = Wheel::build, healthy = Wheel::check, deps(Barn)
                        )]
        impl Mill for Wheel {
            fn grind(&self, grain: u64) -> Result<u64, MillError> {
                let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
                let is_one_of = |count: u64| count > 0 && call.is_multiple_of(count);
                let Ways { panics, errs, lies, lingers, hangs, .. } = self.ways;
                if is_one_of(panics) {
                    // Without a call of the panic hook.
                    panic::resume_unwind(Box::new(format!("the stone broke at call {call}")));
                }
                if is_one_of(lingers) {
                    thread::sleep(Duration::from_millis(5));
                }
                while is_one_of(hangs) && !self.barn.is_open() {
                    thread::sleep(Duration::from_millis(1));
                }
                match grain {
                    0 => Err(MillError::Empty),
                    _ if is_one_of(errs) => Err(MillError::Broken { call }),
                    grain => Ok(2 * grain + u64::from(is_one_of(lies))),
                }
            }

            fn version(&self) -> u32 {
                $number
            }

            fn deliver(&self, flour: u64) -> u64 {
                self.barn.store(flour)
            }

            fn stock(&self) -> u64 {
                self.barn.stock()
            }

            fn whisper(&self, label: &str, sack: u64) -> u64 {
                label.len() as u64 + sack * $number
            }

            fn sift(&self, sacks: &mut [u64]) {
                sacks.iter_mut().for_each(|sack| *sack += 1 + u64::from(self.ways.lies == 1));
            }

            fn weigh(&self, sacks: &mut [u64], label: &str) -> String {
                sacks.iter_mut().for_each(|sack| *sack += 1);
                format!("{label}{}", $label)
            }

            fn pack(&self, order: Order) -> String {
                format!("{}{}", order.customer.name, $label)
            }

            fn list(&self, count: u64) -> Vec<u64> {
                if self.ways.lies == 1 { (0..count).rev().collect() } else { (0..count).collect() }
            }

            fn inside(&self, f: &dyn Fn()) {
                f();
            }

            fn bell(&self, ring: Box<dyn Fn() + Send>) {
                ring();
            }

            async fn later(&self) -> u32 {
                $number
            }
        }
    };
}
