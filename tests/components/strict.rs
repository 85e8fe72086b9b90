//! Generated code passes every lint that an author may set; an author's own code decides
//! the rest.

#![forbid(unsafe_code, non_snake_case)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
#![allow(clippy::must_use_candidate, clippy::missing_errors_doc, reason = "about the author's own methods")]
#![deny(warnings, missing_docs, unreachable_pub, missing_debug_implementations, missing_copy_implementations)]
#![deny(unused_qualifications, unused_lifetimes, single_use_lifetimes, elided_lifetimes_in_paths)]
#![deny(trivial_casts, trivial_numeric_casts, unused_results, let_underscore_drop, explicit_outlives_requirements)]

use std::{collections::HashMap, sync::Mutex, time::Duration};

use lcr::Abi;

/// Where the trait is imported, and a field's type has arguments.
#[derive(Debug, Clone, PartialEq, Eq, Abi)]
pub enum Entries {
    /// By name.
    Named(HashMap<String, u8>),
    /// In order.
    Listed {
        /// Them.
        list: Vec<Box<StoreError>>,
    },
}

/// Error.
#[derive(Debug, Clone, PartialEq, Eq, lcr::Abi)]
pub enum StoreError {
    /// Full.
    Full,
    /// Io.
    Io {
        /// Code.
        code: i32,
        /// Text.
        text: String,
    },
    /// Fault.
    Fault(lcr::Fault),
}
impl From<lcr::Fault> for StoreError {
    fn from(fault: lcr::Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Point.
#[derive(Debug, Clone, Copy, PartialEq, lcr::Abi)]
#[abi(plain)]
#[repr(C)]
pub struct Point {
    /// X.
    pub x: f64,
    /// Y.
    pub y: f64,
}

/// View.
#[derive(Debug, Clone, Copy, lcr::Abi)]
pub struct View<'a, T> {
    /// Key.
    pub key: &'a str,
    /// Value.
    pub value: T,
}

/// Keeps the type of its field to itself.
#[derive(Debug, Clone, Copy, lcr::Abi)]
pub struct Number {
    digits: [Digit; 2],
    sign: Digit,
}

impl Number {
    /// Its digits and its sign.
    pub const fn digits(self) -> [u8; 3] {
        [self.digits[0].0, self.digits[1].0, self.sign.0]
    }
}

#[derive(Debug, Clone, Copy, lcr::Abi)]
struct Digit(u8);

/// Colour.
#[derive(Debug, Clone, Copy, lcr::Abi)]
#[repr(u8)]
pub enum Colour {
    /// R
    Red = 1,
    /// G
    Green,
    /// B
    Blue = 7,
}

/// Nothing.
#[derive(Debug, Clone, Copy, lcr::Abi)]
pub struct Nothing;

/// Journal.
#[lcr::interface(name = "kv.journal", version = 1)]
pub trait Journal {
    /// Append.
    fn append(&self, line: &str);
}

/// Store.
#[lcr::interface(name = "kv.store", version = 2, replaces(1), deps(Journal))]
pub trait Store {
    /// Get.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Put.
    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    /// Len.
    fn len(&self) -> u64 {
        0
    }
    /// Empty.
    #[must_use]
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Each.
    fn each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool) -> usize {
        usize::from(f(prefix, 1))
    }
    /// Watch.
    fn watch(&self, f: Box<dyn Fn(&str) + Send>);
    /// Watch.
    fn watch_default(&self, name: String, f: Box<dyn Fn(&str) + Send + Sync>) {
        f(&name);
    }
    /// Points.
    fn points(&self, points: &[Point], out: &mut [Point]) -> (u32, Duration);
    /// View.
    fn view<'a>(&'a self, view: View<'a, Option<&'a str>>, c: Colour, n: Nothing, _: u8) -> [u8; 4];
    /// Handle.
    fn chain(&self, journal: lcr::Handle<dyn Journal>) -> lcr::Handle<dyn Journal>;
    /// Raw.
    fn r#type(&self, r#fn: lcr::Serde<Vec<u8>>) -> lcr::Bytes;
}

/// Hash.
#[derive(Debug, Default)]
pub struct HashStore {
    map: Mutex<HashMap<String, Vec<u8>>>,
}

#[lcr::component(healthy = Self::check, deps(Journal), name = "kv-hash", version = "1.2.3-alpha.1", protected)]
impl Store for HashStore {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.map.lock().ok()?.get(key).cloned()
    }
    fn put(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let _old = self.map.lock().map_err(|_| StoreError::Full)?.insert(key.to_owned(), value.to_vec());
        Ok(())
    }
    fn watch(&self, f: Box<dyn Fn(&str) + Send>) {
        f("x");
    }
    fn points(&self, points: &[Point], out: &mut [Point]) -> (u32, Duration) {
        out.copy_from_slice(points);
        (1, Duration::ZERO)
    }
    fn view<'a>(&'a self, view: View<'a, Option<&'a str>>, _: Colour, _: Nothing, _: u8) -> [u8; 4] {
        let _ = view;
        [1; 4]
    }
    fn chain(&self, journal: lcr::Handle<dyn Journal>) -> lcr::Handle<dyn Journal> {
        journal
    }
    fn r#type(&self, r#fn: lcr::Serde<Vec<u8>>) -> lcr::Bytes {
        lcr::Bytes::from(r#fn.0)
    }
}
impl HashStore {
    fn check(&self) -> Result<(), String> {
        self.map.lock().map(|_| ()).map_err(|e| e.to_string())
    }
    const fn open(_: &lcr::Context) -> Result<Self, String> {
        Err(String::new())
    }
}
#[lcr::component(create = HashStore::open)]
impl Journal for HashStore {
    fn append(&self, line: &str) {
        let _ = line;
    }
}

/// An interface that is on its way out.
#[lcr::interface(name = "old", version = 1)]
#[deprecated]
#[allow(deprecated)]
pub trait Old {
    /// Goes.
    #[deprecated]
    fn goes(&self) -> u128;
    /// Goes too.
    #[deprecated]
    #[inline]
    fn goes_too(&self) -> u128 {
        1
    }
}

/// A queue, whose callers wait.
#[lcr::interface(name = "kv.queue", version = 1)]
pub trait Queue {
    /// Get.
    async fn get(&self, key: &str) -> Option<Vec<u8>>;
    /// Put.
    async fn put(&self, key: &str, values: &mut [u64]) -> Result<(), StoreError>;
    /// Nothing.
    async fn nothing(&self);
    /// Each.
    async fn each(&self, f: &(dyn Fn(&str, u64) -> bool + Sync), g: Box<dyn Fn(&str) + Send>, _: u8) -> usize {
        g("x");
        self.nothing().await;
        usize::from(f("x", 1))
    }
    /// View.
    async fn view<'a>(&'a self, view: View<'a, Option<&'a str>>) -> Result<u64, StoreError> {
        let found = self.get(view.key).await.ok_or(StoreError::Full)?;
        if found.is_empty() {
            return Ok(1);
        }
        Ok(found.len() as u64)
    }
    /// Goes.
    #[deprecated]
    async fn goes(&self, mut by: u64) -> u64 {
        by += 1;
        by
    }
    /// Raw.
    #[must_use]
    async fn r#type(&self, r#fn: lcr::Serde<Vec<u8>>) -> lcr::Bytes;
}

#[lcr::component(create = HashStore::open)]
impl Queue for HashStore {
    async fn get(&self, key: &str) -> Option<Vec<u8>> {
        self.nothing().await;
        Store::get(self, key)
    }
    async fn put(&self, key: &str, values: &mut [u64]) -> Result<(), StoreError> {
        self.nothing().await;
        values.reverse();
        Store::put(self, key, &[])
    }
    async fn nothing(&self) {
        std::future::ready(()).await;
    }
    async fn r#type(&self, r#fn: lcr::Serde<Vec<u8>>) -> lcr::Bytes {
        self.nothing().await;
        lcr::Bytes::from(r#fn.0)
    }
}
