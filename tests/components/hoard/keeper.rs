//! A component that keeps a `Chest`, of whichever type: scripted, and with a thread that keeps the lock on request.

/// The component of version `$version` that keeps a `$chest`.
macro_rules! keeper {
    ($chest:ty, $version:literal, $number:literal $(, $($options:tt)*)?) => {
        /// Keeps the state.
        pub struct Keeper {
            chest: std::sync::Arc<lcr::State<$chest>>,
            role: lcr_tests::script::Role,
        }

        impl Keeper {
            fn open(context: &lcr::Context) -> Result<Keeper, lcr::BoxError> {
                use lcr_tests::script::{Moment, Role, Script};
                let script = if context.is_configured() { context.config()? } else { Script::default() };
                let role = Role::begin(concat!("hoard ", $version).to_owned(), script, Moment::Create)?;
                Ok(Keeper { chest: Default::default(), role })
            }

            fn check(&self) -> Result<(), lcr::BoxError> {
                self.role.play(lcr_tests::script::Moment::Healthy)
            }
        }

        #[lcr::component(
            name = "hoard",
            version = $version,
            create = Self::open,
            healthy = Self::check,
            state = chest
            $(, $($options)*)?
        )]
        impl lcr_tests::hoard::Hoard for Keeper {
            fn put(&self, key: u64, text: &str) -> u64 {
                use lcr_tests::hoard::Chest as _;
                let mut chest = self.chest.write();
                chest.put(key, text);
                chest.counts().1
            }
            fn get(&self, key: u64) -> Option<String> {
                lcr_tests::hoard::Chest::get(&*self.chest.read(), key)
            }
            fn counts(&self) -> (u64, u64) {
                lcr_tests::hoard::Chest::counts(&*self.chest.read())
            }
            fn address(&self) -> u64 {
                std::ptr::from_ref(&*self.chest.read()).addr() as u64
            }
            fn version(&self) -> u32 {
                $number
            }
            fn count_drops(&self, at: u64) {
                *lcr_tests::hoard::Chest::counter(&mut *self.chest.write()) = at;
            }
            fn keep_guard(&self, until: u64) {
                let chest = std::sync::Arc::clone(&self.chest);
                let (locked, is_locked) = std::sync::mpsc::channel();
                std::thread::spawn(move || {
                    let word = lcr_tests::hoard::word_at(until).unwrap();
                    let wait_while = |value| {
                        while word.load(std::sync::atomic::Ordering::SeqCst) == value {
                            std::thread::sleep(std::time::Duration::from_millis(1));
                        }
                    };
                    let guard = chest.write();
                    locked.send(()).unwrap();
                    wait_while(0);
                    drop(guard);
                    drop(chest);
                    wait_while(2);
                });
                is_locked.recv().unwrap();
            }
        }
    };
}

/// What a `Chest` of the fields `by_key`, `puts` and `counter` does.
macro_rules! chest {
    ($chest:ty, $make:expr, $read:expr) => {
        impl lcr_tests::hoard::Chest for $chest {
            fn put(&mut self, key: u64, text: &str) {
                self.puts += 1;
                let make: fn(&str) -> _ = $make;
                self.by_key.insert(key, make(text));
            }
            fn get(&self, key: u64) -> Option<String> {
                self.by_key.get(&key).map($read)
            }
            fn counts(&self) -> (u64, u64) {
                (self.by_key.len() as u64, self.puts.into())
            }
            fn counter(&mut self) -> &mut u64 {
                &mut self.counter
            }
        }

        impl Drop for $chest {
            fn drop(&mut self) {
                lcr_tests::hoard::count_at(self.counter);
            }
        }
    };
}
