//! The values that the threads of a random program share.

use std::{
    fmt,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lcr::{Bytes, Handle, Pinned, Plan, Runtime};
use lcr_tests::till::v1::Till;

/// How long one operation may take, on a machine that has other work, too.
const LONGEST: Duration = Duration::from_secs(120);
/// How many values of a kind threads keep for each other.
const ROOM: usize = 24;

/// A callback that outlives the call which it was made for.
pub type Callback = Box<dyn Fn(u64) -> u64 + Send>;

/// The state that all threads share.
pub struct Stage {
    pub houses: [RwLock<Arc<House>>; 2],
    pub tills: Pool<(Handle<dyn Till>, Arc<Account>)>,
    pub pinned: Pool<Pinned<dyn Till>>,
    pub bytes: Pool<(Bytes, u64)>,
    pub callbacks: Pool<Callback>,
    pub plans: Pool<Plan>,
    pub log: Arc<Log>,
    /// Whether images may be unmapped.
    pub unload: bool,
    /// How many more images may be mapped.
    pub images: AtomicUsize,
    pub components: PathBuf,
    pub scratch: PathBuf,
}

/// A runtime, and a handle on its till for as long as the runtime lives.
pub struct House {
    pub till: Handle<dyn Till>,
    pub account: Arc<Account>,
    pub rt: Runtime,
}

/// The amounts that were added to a till.
#[derive(Default)]
pub struct Account {
    /// The most that the till can have.
    tried: AtomicU64,
    /// What the till has acknowledged.
    acknowledged: AtomicU64,
}

/// Values that threads leave for each other.
pub struct Pool<T>(Mutex<Vec<T>>);

/// The operations, as they begin and end.
pub struct Log {
    file: File,
    begun: Instant,
    /// By thread: when its outermost operation began, in ms plus one; 0 if none runs.
    busy: [AtomicU64; 64],
}

/// Ends the program because a condition does not hold.
pub fn violated(what: fmt::Arguments<'_>) -> ! {
    eprintln!("VIOLATION: {what}");
    process::abort()
}

/// Ends the program if a condition does not hold, also where a panic would be caught.
macro_rules! must {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            $crate::stage::violated(format_args!($($text)+));
        }
    };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Default for Pool<T> {
    fn default() -> Pool<T> {
        Pool(Mutex::new(Vec::new()))
    }
}

impl<T> Pool<T> {
    /// Leaves a value. Returns an older one if there are too many, which the caller drops, because its
    /// destructor may call this pool.
    pub fn put(&self, at: usize, thing: T) -> Option<T> {
        let mut things = lock(&self.0);
        let old = if things.len() < ROOM { None } else { Some(things.swap_remove(at % ROOM)) };
        things.push(thing);
        old
    }

    /// Takes a value.
    pub fn take(&self, at: usize) -> Option<T> {
        let mut things = lock(&self.0);
        if things.is_empty() {
            return None;
        }
        let at = at % things.len();
        Some(things.swap_remove(at))
    }

    /// Takes all values.
    pub fn drain(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.0))
    }
}

impl<T: Clone> Pool<T> {
    /// Returns a copy of a value.
    pub fn peek(&self, at: usize) -> Option<T> {
        let things = lock(&self.0);
        if things.is_empty() { None } else { Some(things[at % things.len()].clone()) }
    }
}

impl Account {
    /// Notes that an amount is about to be added.
    pub fn try_to(&self, amount: u64) {
        self.tried.fetch_add(amount, Ordering::SeqCst);
    }

    /// Notes that the amount was added.
    pub fn arrived(&self, amount: u64) {
        self.acknowledged.fetch_add(amount, Ordering::SeqCst);
    }

    /// The least that the till must have.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    /// The most that the till can have.
    pub fn tried(&self) -> u64 {
        self.tried.load(Ordering::SeqCst)
    }
}

impl House {
    /// A runtime with a till and a clerk.
    pub fn open(components: &Path, fences: bool) -> lcr::Result<House> {
        let rt = Runtime::builder().fences(fences).shutdown_timeout(Duration::from_millis(300)).build()?;
        rt.plan().add(components.join("libtill_1.so")).add(components.join("libclerk.so")).commit()?;
        let till = rt.service_of("till")?;
        Ok(House { till, account: Arc::default(), rt })
    }
}

impl Stage {
    /// The present house of that number.
    pub fn house(&self, number: usize) -> Arc<House> {
        Arc::clone(&self.houses[number % 2].read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces a house by another one. The old house ends with its last user.
    pub fn rebuild(&self, number: usize, house: House) -> Arc<House> {
        let mut place = self.houses[number % 2].write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, Arc::new(house))
    }

    /// Takes one of the images that may still be mapped.
    pub fn may_map(&self) -> bool {
        let fewer = |left: usize| left.checked_sub(1);
        self.images.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok()
    }

    /// The file of a component.
    pub fn component(&self, name: &str) -> PathBuf {
        self.components.join(format!("lib{name}.so"))
    }
}

impl Log {
    pub fn new(file: File) -> Log {
        Log { file, begun: Instant::now(), busy: [const { AtomicU64::new(0) }; 64] }
    }

    /// Writes a line at once, because the program may end with the next operation.
    pub fn write(&self, line: fmt::Arguments<'_>) {
        let line = format!("{:9.3} {line}\n", self.begun.elapsed().as_secs_f64());
        let _ = (&self.file).write_all(line.as_bytes());
    }

    /// A thread begins its outermost operation, or ends it.
    pub fn busy(&self, thread: usize, is_busy: bool) {
        let now = self.begun.elapsed().as_millis() as u64 + 1;
        self.busy[thread % 64].store(if is_busy { now } else { 0 }, Ordering::Relaxed);
    }

    /// Ends the program if an operation does not end.
    pub fn watch(&self) {
        let now = self.begun.elapsed().as_millis() as u64 + 1;
        for (thread, since) in self.busy.iter().enumerate() {
            let since = since.load(Ordering::Relaxed);
            let lasts = Duration::from_millis(if since == 0 { 0 } else { now.saturating_sub(since) });
            must!(lasts < LONGEST, "thread {thread} has been in one operation for {lasts:?}; the log has which");
        }
    }
}
