//! The code that all tills share.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    panic,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use lcr::{BoxError, Bytes, Context};
use lcr_tests::till::{Moods, Sums, bytes_of};

type Kept = Box<dyn Fn(u64) -> u64 + Send>;

/// The callbacks and bytes of others that a till keeps.
const ROOM: usize = 6;

/// A till.
pub struct Drawer {
    pub moods: Moods,
    pub sums: Mutex<Sums>,
    kept: Mutex<Vec<Kept>>,
    bytes: Mutex<Option<Bytes>>,
}

/// The bytes of a seed, whose owner looks at them a last time.
struct Owner(Vec<u8>, u64);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.0 != bytes_of(self.1, self.0.len()) {
            violated("bytes changed");
        }
        if self.1 % 16 == 3 {
            panic::resume_unwind(Box::new("the destructor of bytes panics"));
        }
    }
}

/// The value that a till leaves in a thread-local.
struct Settled(String);

impl Drop for Settled {
    fn drop(&mut self) {
        if !self.0.starts_with("settled") {
            violated("a thread-local changed");
        }
        self.0.push('.');
    }
}

thread_local! {
    static SETTLED: RefCell<Vec<Settled>> = const { RefCell::new(Vec::new()) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the program, because code that catches a panic would hide the violation.
fn violated(what: &str) -> ! {
    eprintln!("VIOLATION in a till: {what}");
    std::process::abort()
}

/// Panics of a till, mostly past the hook: some programs make thousands.
pub fn fail(text: &str) -> ! {
    if text.len().is_multiple_of(8) {
        panic!("{text}");
    }
    panic::resume_unwind(Box::new(text.to_owned()))
}

impl Drawer {
    pub fn with(sums: Sums, moods: Moods) -> Drawer {
        Drawer { moods, sums: Mutex::new(sums), kept: Mutex::new(Vec::new()), bytes: Mutex::new(None) }
    }

    pub fn create(context: &Context) -> Result<Drawer, BoxError> {
        let moods = moods(context)?;
        moods.create.act("create")?;
        Ok(Drawer::with(Sums::default(), moods))
    }

    pub fn restore(sums: Sums, context: &Context) -> Result<Drawer, BoxError> {
        let moods = moods(context)?;
        if !sums.is_whole() {
            violated("a state was torn on its way");
        }
        moods.restore.act("restore")?;
        Ok(Drawer::with(sums, moods))
    }

    pub fn save(&self) -> Result<Sums, BoxError> {
        self.moods.save.act("save")?;
        Ok(lock(&self.sums).clone())
    }

    pub fn healthy(&self) -> Result<(), BoxError> {
        self.moods.healthy.act("health")
    }

    pub fn add(&self, key: u8, amount: u64) -> u64 {
        lock(&self.sums).add(key, amount)
    }

    pub fn sums(&self) -> Sums {
        lock(&self.sums).clone()
    }

    #[allow(dead_code, reason = "of version 2")]
    pub fn shift(&self, from: u8, to: u8, amount: u64) -> u64 {
        let mut sums = lock(&self.sums);
        let moved = sums.sums.get(&from).map_or(0, |sum| amount.min(*sum));
        if let Some(sum) = sums.sums.get_mut(&from) {
            *sum -= moved;
        }
        sums.add(to, moved)
    }

    pub fn lend(&self, times: u64, f: &dyn Fn(u64) -> u64) -> u64 {
        (0..times).map(f).fold(0, u64::wrapping_add)
    }

    pub fn lend_to_threads(&self, threads: u64, f: &(dyn Fn(u64) -> u64 + Send + Sync)) -> u64 {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || f(n))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(0)).fold(0, u64::wrapping_add)
        })
    }

    pub fn keep(&self, f: Kept) -> u64 {
        let mut kept = lock(&self.kept);
        let oldest = if kept.len() < ROOM { None } else { Some(kept.remove(0)) };
        kept.push(f);
        let count = kept.len() as u64;
        drop(kept);
        // Its destructor may call this very till.
        drop(oldest);
        count
    }

    pub fn ring(&self, n: u64, on_thread: bool) -> Vec<u64> {
        let kept = std::mem::take(&mut *lock(&self.kept));
        let ring = move || {
            let ring = |f: &Kept| panic::catch_unwind(panic::AssertUnwindSafe(|| f(n))).unwrap_or(u64::MAX);
            (kept.iter().map(ring).collect::<Vec<_>>(), kept)
        };
        let (answers, rung) = if on_thread { thread::spawn(ring).join().expect("it does not panic") } else { ring() };
        let mut kept = lock(&self.kept);
        let late = std::mem::replace(&mut *kept, rung);
        kept.extend(late);
        let too_many: Vec<_> = if kept.len() > ROOM { kept.drain(ROOM..).collect() } else { Vec::new() };
        drop(kept);
        drop(too_many);
        answers
    }

    pub fn let_go(&self) -> u64 {
        let (kept, bytes) = (std::mem::take(&mut *lock(&self.kept)), lock(&self.bytes).take());
        (kept.len() + usize::from(bytes.is_some())) as u64
    }

    pub fn bytes(&self, seed: u64, len: u32) -> Bytes {
        let bytes = bytes_of(seed, len as usize);
        if seed.is_multiple_of(2) { Bytes::from(bytes) } else { Bytes::from_owner(Owner(bytes, seed)) }
    }

    pub fn swap_bytes(&self, bytes: Option<Bytes>) -> Option<Bytes> {
        std::mem::replace(&mut *lock(&self.bytes), bytes)
    }

    pub fn settle(&self, text: &str) -> u64 {
        SETTLED.with_borrow_mut(|settled| {
            settled.push(Settled(format!("settled {text}")));
            settled.truncate(16);
            settled.len() as u64
        })
    }

    pub fn work(&self, threads: u8) -> u64 {
        let work = |number| {
            let name = format!("work-{number}");
            let body = move || {
                self.settle("work");
                thread::current().name().map_or(0, |name| name.len() as u64)
            };
            (name, body)
        };
        thread::scope(|scope| {
            let threads = (0..threads)
                .map(work)
                .filter_map(|(name, body)| thread::Builder::new().name(name).spawn_scoped(scope, body).ok());
            let threads: Vec<_> = threads.collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
        })
    }
}

impl Drop for Drawer {
    fn drop(&mut self) {
        if !lock(&self.sums).is_whole() {
            violated("a state was torn in its place");
        }
        let _ = self.moods.destroy.act("destroy");
    }
}

/// The mood for a moment, by the configuration.
pub fn moods(context: &Context) -> Result<Moods, BoxError> {
    Ok(if context.is_configured() { context.config()? } else { Moods::default() })
}

/// Sums as version 2 has them.
pub type Pairs = (Vec<(u8, u64)>, u64, u64);

#[allow(dead_code, reason = "not every till has another version's state")]
pub fn to_pairs(sums: Sums) -> Pairs {
    (sums.sums.into_iter().collect(), sums.additions, sums.check)
}

#[allow(dead_code, reason = "as above")]
pub fn from_pairs((pairs, additions, check): Pairs) -> Sums {
    Sums { sums: BTreeMap::from_iter(pairs), additions, check }
}

/// The methods that every version has, around `Drawer`.
macro_rules! methods {
    () => {
        fn add(&self, key: u8, amount: u64) -> Result<u64, Fault> {
            Ok(self.0.add(key, amount))
        }
        fn sums(&self) -> Result<Serde<Sums>, Fault> {
            Ok(Serde(self.0.sums()))
        }
        fn fail(&self, text: &str) -> Result<(), Fault> {
            drawer::fail(text)
        }
        fn fail_plainly(&self, text: &str) -> u64 {
            drawer::fail(text)
        }
        fn lend(&self, times: u64, f: &dyn Fn(u64) -> u64) -> Result<u64, Fault> {
            Ok(self.0.lend(times, f))
        }
        fn lend_to_threads(&self, threads: u64, f: &(dyn Fn(u64) -> u64 + Send + Sync)) -> Result<u64, Fault> {
            Ok(self.0.lend_to_threads(threads, f))
        }
        fn keep(&self, f: Box<dyn Fn(u64) -> u64 + Send>) -> Result<u64, Fault> {
            Ok(self.0.keep(f))
        }
        fn keep_shared(&self, f: Box<dyn Fn(u64) -> u64 + Send + Sync>) -> Result<u64, Fault> {
            Ok(self.0.keep(f))
        }
        fn ring(&self, n: u64, on_thread: bool) -> Result<Vec<u64>, Fault> {
            Ok(self.0.ring(n, on_thread))
        }
        fn let_go(&self) -> Result<u64, Fault> {
            Ok(self.0.let_go())
        }
        fn bytes(&self, seed: u64, len: u32) -> Result<Bytes, Fault> {
            Ok(self.0.bytes(seed, len))
        }
        fn swap_bytes(&self, bytes: Option<Bytes>) -> Result<Option<Bytes>, Fault> {
            Ok(self.0.swap_bytes(bytes))
        }
        fn turn(&self, parcel: Parcel) -> Result<Parcel, Fault> {
            Ok(parcel)
        }
        fn sort(&self, numbers: &mut [u64]) -> Result<(), Fault> {
            numbers.sort_unstable();
            Ok(())
        }
        fn pass(&self, other: Handle<dyn v1::Till>) -> Result<(u64, Handle<dyn v1::Till>), Fault> {
            Ok((v1::Till::sums(&other)?.0.additions, other))
        }
        fn nest(&self, itself: Handle<dyn v1::Till>, depth: u32) -> Result<u32, Fault> {
            let below = if depth == 0 { 0 } else { v1::Till::nest(&itself, itself.clone(), depth - 1)? };
            Ok(below + 1)
        }
        fn settle(&self, text: &str) -> Result<u64, Fault> {
            Ok(self.0.settle(text))
        }
        fn work(&self, threads: u8) -> Result<u64, Fault> {
            Ok(self.0.work(threads))
        }
        fn linger(&self, millis: u8) -> Result<(), Fault> {
            std::thread::sleep(std::time::Duration::from_millis(u64::from(millis)));
            Ok(())
        }
    };
}

/// A till of version 1, with what the attribute says of it.
#[allow(unused_macros, reason = "a library has a till of one version")]
macro_rules! till_1 {
    ($($says:tt)*) => {
        use drawer::{Drawer, Pairs, from_pairs};
        use lcr::{BoxError, Bytes, Context, Fault, Handle, RawState, Serde, Stateful};
        use lcr_tests::till::{
            Parcel, Sums,
            v1::{self, Till},
        };

        /// A till of version 1.
        pub struct First(Drawer);

        impl First {
            fn create(context: &Context) -> Result<First, BoxError> {
                Drawer::create(context).map(First)
            }
            fn healthy(&self) -> Result<(), BoxError> {
                self.0.healthy()
            }
        }

        #[lcr::component(version = "1.0.0", create = Self::create, healthy = Self::healthy, state, $($says)*)]
        impl Till for First {
            methods!();
        }

        impl Stateful for First {
            type State = Sums;

            fn save(&self) -> Result<Sums, BoxError> {
                self.0.save()
            }
            fn restore(state: Sums, context: &Context) -> Result<First, BoxError> {
                Drawer::restore(state, context).map(First)
            }
            fn migrate(from: u32, raw: RawState<'_>) -> Result<Sums, BoxError> {
                assert_eq!(from, 2);
                let (pairs, additions, check) = raw.decode::<Pairs>()?;
                // Some states of a later version do not fit the earlier one.
                let sums = from_pairs((pairs, additions, check));
                if additions % 4 == 3 { Err("it does not go back".into()) } else { Ok(sums) }
            }
        }
    };
}

/// A till of version 2, with what the attribute says of it.
#[allow(unused_macros, reason = "as above")]
macro_rules! till_2 {
    ($($says:tt)*) => {
        use drawer::{Drawer, Pairs, from_pairs, to_pairs};
        use lcr::{BoxError, Bytes, Context, Fault, Handle, RawState, Serde, Stateful};
        use lcr_tests::till::{Parcel, Sums, v1, v2::Till};

        /// A till of version 2.
        pub struct Second(Drawer);

        impl Second {
            fn create(context: &Context) -> Result<Second, BoxError> {
                Drawer::create(context).map(Second)
            }
            fn healthy(&self) -> Result<(), BoxError> {
                self.0.healthy()
            }
        }

        #[lcr::component(version = "2.0.0", create = Self::create, healthy = Self::healthy, state, $($says)*)]
        impl Till for Second {
            methods!();
            fn shift(&self, from: u8, to: u8, amount: u64) -> Result<u64, Fault> {
                Ok(self.0.shift(from, to, amount))
            }
        }

        impl Stateful for Second {
            type State = Pairs;
            const STATE_VERSION: u32 = 2;

            fn save(&self) -> Result<Pairs, BoxError> {
                self.0.save().map(to_pairs)
            }
            fn restore(state: Pairs, context: &Context) -> Result<Second, BoxError> {
                Drawer::restore(from_pairs(state), context).map(Second)
            }
            fn migrate(from: u32, raw: RawState<'_>) -> Result<Pairs, BoxError> {
                assert_eq!(from, 1);
                Ok(to_pairs(raw.decode::<Sums>()?))
            }
        }
    };
}
