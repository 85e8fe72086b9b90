//! Maps, sets and deques.
#![allow(missing_docs, reason = "a method that carries one type says all in its signature")]
#![allow(
    clippy::type_complexity,
    reason = "every type that may cross does so here, also those that one would not choose"
)]

use std::{
    cell::Cell,
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    future::Future,
    hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher},
    pin::pin,
    task::{Context, Poll, Waker},
};

use lcr::{Fault, Runtime, Serde};

use super::{contract::Small, sequences::TEXT};

/// A map whose hasher has no random state.
pub type Steady<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// What a map holds that holds maps.
pub type Nested = HashMap<u8, (BTreeMap<String, HashSet<char>>, [VecDeque<i16>; 2])>;

/// A struct of collections.
#[derive(Clone, Debug, Default, PartialEq, lcr::Abi)]
pub struct Index {
    pub words: HashMap<String, BTreeSet<u32>>,
    pub order: VecDeque<String>,
    pub steady: Steady<u64, Option<String>>,
}

/// A key without regard to ASCII case.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Caseless {
    pub text: String,
}

impl PartialEq for Caseless {
    fn eq(&self, other: &Caseless) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Caseless {}

impl PartialOrd for Caseless {
    fn partial_cmp(&self, other: &Caseless) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Caseless {
    fn cmp(&self, other: &Caseless) -> Ordering {
        self.text.to_ascii_lowercase().cmp(&other.text.to_ascii_lowercase())
    }
}

impl Hash for Caseless {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.to_ascii_lowercase().hash(state);
    }
}

thread_local! {
    static FUSE: Cell<Option<u32>> = const { Cell::new(None) };
}

/// Lets a [`Fragile`] key panic on this thread when code of this image has hashed or compared such keys so often.
pub fn arm(fuse: Option<u32>) {
    FUSE.set(fuse);
}

/// A key that panics when it is told to.
#[derive(Clone, Debug, lcr::Abi)]
pub struct Fragile {
    pub text: String,
}

impl Fragile {
    fn burn(&self) {
        let left = FUSE.get().map(|left| left.checked_sub(1).expect("a fragile key"));
        FUSE.set(left);
    }
}

impl PartialEq for Fragile {
    fn eq(&self, other: &Fragile) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Fragile {}

impl PartialOrd for Fragile {
    fn partial_cmp(&self, other: &Fragile) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fragile {
    fn cmp(&self, other: &Fragile) -> Ordering {
        self.burn();
        self.text.cmp(&other.text)
    }
}

impl Hash for Fragile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.burn();
        self.text.hash(state);
    }
}

#[lcr::interface(name = "test.values.collections", version = 1)]
pub trait Collections {
    /// Each key with its characters reversed, each value too.
    fn hash_map(&self, v: HashMap<String, Vec<u32>>) -> HashMap<String, Vec<u32>>;
    /// Values to keys.
    fn inverted(&self, v: BTreeMap<String, u64>) -> BTreeMap<u64, BTreeSet<String>>;
    fn complements(&self, v: HashSet<u64>) -> HashSet<u64>;
    /// Without the first.
    fn tail(&self, v: BTreeSet<String>) -> BTreeSet<String>;
    /// The first comes last.
    fn turned(&self, v: VecDeque<u32>) -> VecDeque<u32>;
    fn turned_texts(&self, v: VecDeque<String>) -> VecDeque<String>;
    /// The address of each text and of its bytes.
    fn places(&self, v: HashMap<&str, &[u8]>) -> BTreeMap<String, (usize, usize)>;
    fn steady(&self, v: Steady<i8, ()>) -> Steady<i8, ()>;
    /// Exchanges the parts of each value.
    fn nested(&self, v: Result<Option<Nested>, BTreeSet<bool>>) -> Result<BTreeSet<bool>, Option<Nested>>;
    /// Adds an empty word.
    fn index(&self, v: Index) -> Index;
    /// Calls back with the entries of each map as another one.
    fn each(&self, v: Vec<BTreeMap<u8, u64>>, f: &dyn Fn(HashMap<u64, u8>) -> BTreeSet<u64>) -> Vec<BTreeSet<u64>>;
    /// What each key leads to, without regard to case.
    fn caseless(&self, hashed: HashMap<Caseless, u64>, sorted: BTreeMap<Caseless, u64>) -> BTreeMap<String, [u64; 2]>;
    /// Gives way as often as there are keys, then returns the keys and what was lent.
    async fn later(&self, v: HashMap<String, u64>, lent: BTreeMap<&str, &[u8]>) -> (BTreeSet<String>, Vec<u8>);
    /// Arms this side's keys on this thread.
    fn arm(&self, fuse: Option<u32>);
    fn fragile_hashed(&self, v: HashMap<Fragile, String>) -> Result<HashMap<Fragile, String>, Fault>;
    fn fragile_sorted(&self, v: BTreeMap<Fragile, String>) -> Result<BTreeMap<Fragile, String>, Fault>;
    fn fragile_sets(&self, v: HashSet<Fragile>, w: BTreeSet<Fragile>) -> Result<u64, Fault>;
    /// How many can be decoded.
    fn decoded(&self, v: HashMap<String, Serde<Small>>, held: Vec<String>) -> Result<u64, Fault>;
}

/// Makes every exchange.
///
/// # Panics
/// If a value arrives as another one.
pub fn all(rt: &Runtime) {
    let peer = &rt.service::<dyn Collections>().expect("the interface is served");
    maps(peer);
    sets_and_deques(peer);
    inside_others(peer);
    later(peer);
    equal_keys(peer);
}

/// # Panics
/// If an entry is lost or changed.
pub fn maps(peer: &impl Collections) {
    for count in [0, 1, 2, 1000, 100_000_u32] {
        let entries = || (0..count).map(|n| (format!("{n}ß"), vec![n; n as usize % 3]));
        let expected: HashMap<String, Vec<u32>> =
            entries().map(|(key, value)| (key.chars().rev().collect(), value)).collect();
        assert_eq!(peer.hash_map(entries().collect()), expected);
        let lengths = || entries().map(|(key, value)| (key, value.len() as u64));
        let mut inverted = BTreeMap::<u64, BTreeSet<String>>::new();
        lengths().for_each(|(key, length)| _ = inverted.entry(length).or_default().insert(key));
        assert_eq!(peer.inverted(lengths().collect()), inverted);
    }
    let roomy = HashMap::with_capacity(10_000);
    assert_eq!(peer.hash_map(roomy), HashMap::new());
    let steady: Steady<i8, ()> = (i8::MIN..=i8::MAX).map(|n| (n, ())).collect();
    assert_eq!(peer.steady(steady.clone()), steady);
    let owned = TEXT.repeat(3);
    let lent = HashMap::from([("", &b""[..]), (TEXT, owned.as_bytes()), (&owned[..3], &owned.as_bytes()[7..])]);
    let expected: BTreeMap<_, _> =
        lent.iter().map(|(key, value)| ((*key).to_owned(), (key.as_ptr().addr(), value.as_ptr().addr()))).collect();
    assert_eq!(peer.places(lent), expected);
}

/// # Panics
/// If an element is lost or changed, or a deque's order.
pub fn sets_and_deques(peer: &impl Collections) {
    for count in [0, 1, 1000_u64] {
        assert_eq!(peer.complements((0..count).collect()), (0..count).map(|n| !n).collect());
        let texts = |range: std::ops::Range<u64>| range.map(|n| format!("{n:04}")).collect::<BTreeSet<_>>();
        assert_eq!(peer.tail(texts(0..count)), texts(1.min(count)..count));
        let mut deque: VecDeque<u32> = (2..count as u32).collect();
        (0..count.min(2) as u32).rev().for_each(|n| deque.push_front(n));
        let turned = (1..count as u32).chain(0..count.min(1) as u32);
        let texts = deque.iter().map(u32::to_string).collect();
        assert_eq!(peer.turned(deque), turned.clone().collect::<VecDeque<_>>());
        assert_eq!(peer.turned_texts(texts), turned.map(|n| n.to_string()).collect::<VecDeque<_>>());
    }
}

/// # Panics
/// If a collection inside another value is lost or changed.
pub fn inside_others(peer: &impl Collections) {
    let sets = BTreeMap::from([(TEXT.to_owned(), TEXT.chars().collect()), (String::new(), HashSet::new())]);
    let deques = [VecDeque::from([1, -1]), VecDeque::new()];
    let nested = Nested::from([(0, (sets.clone(), deques.clone())), (u8::MAX, (BTreeMap::new(), deques.clone()))]);
    let turned = [VecDeque::new(), VecDeque::from([1, -1])];
    let expected = Nested::from([(0, (sets, turned.clone())), (u8::MAX, (BTreeMap::new(), turned))]);
    assert_eq!(peer.nested(Ok(Some(nested))), Err(Some(expected)));
    assert_eq!(peer.nested(Ok(None)), Err(None));
    let both = BTreeSet::from([false, true]);
    assert_eq!(peer.nested(Err(both.clone())), Ok(both));

    let mut index = Index {
        words: HashMap::from([(TEXT.to_owned(), BTreeSet::from([3, 1, 2]))]),
        order: VecDeque::from([TEXT.to_owned(), "b".to_owned()]),
        steady: [(1, None), (u64::MAX, Some(TEXT.to_owned()))].into_iter().collect(),
    };
    let back = peer.index(index.clone());
    index.words.insert(String::new(), BTreeSet::new());
    index.order.push_front(String::new());
    assert_eq!(back, index);

    let given = vec![BTreeMap::from([(1, 10), (2, 20)]), BTreeMap::new()];
    let answers = peer.each(given, &|map| map.into_iter().map(|(key, value)| key + u64::from(value)).collect());
    assert_eq!(answers, [BTreeSet::from([11, 22]), BTreeSet::new()]);
}

/// # Panics
/// If an async method loses an entry.
pub fn later(peer: &impl Collections) {
    let map = || HashMap::from([("a".to_owned(), 1), (TEXT.to_owned(), 2), (String::new(), 3)]);
    let owned = b"lent".to_vec();
    let lent = || BTreeMap::from([("1", &owned[..2]), ("2", &owned[2..])]);
    let mut context = Context::from_waker(Waker::noop());
    let mut call = pin!(peer.later(map(), lent()));
    let mut polls = 1;
    let (keys, bytes) = loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(result) => break result,
            Poll::Pending => polls += 1,
        }
    };
    assert_eq!((keys, bytes, polls), (map().into_keys().collect(), owned.clone(), 4));
    // Dropped before its first poll, and half-way.
    drop(peer.later(map(), lent()));
    let mut half = Box::pin(peer.later(map(), lent()));
    assert!(half.as_mut().poll(&mut context).is_pending());
}

/// A caller whose keys are told apart by more than the component's.
mod exact {
    use std::collections::BTreeMap;

    #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, lcr::Abi)]
    pub(super) struct Caseless {
        pub(super) text: String,
    }

    #[lcr::interface(name = "test.values.collections", version = 1)]
    pub(super) trait Collections {
        fn caseless(
            &self,
            hashed: std::collections::HashMap<Caseless, u64>,
            sorted: BTreeMap<Caseless, u64>,
        ) -> BTreeMap<String, [u64; 2]>;
    }
}

/// # Panics
/// If keys that are equal to the receiver alone are refused, or if it does not keep one of them.
fn equal_keys(peer: &lcr::Handle<dyn Collections>) {
    let key = |text: &str| Caseless { text: text.to_owned() };
    let answer = peer.caseless(HashMap::from([(key("A"), 1)]), BTreeMap::from([(key("A"), 2)]));
    assert_eq!(answer, BTreeMap::from([("A".to_owned(), [1, 2])]));
}

/// Checks the same for a caller of another version.
///
/// # Panics
/// If not.
pub fn equal_to_the_receiver_alone(rt: &Runtime) {
    use exact::Collections as _;
    let peer = rt.service::<dyn exact::Collections>().expect("the interface is served");
    let entries = [("a", 3), ("A", 1), ("B", 7), ("AA", 9)];
    let key = |text: &str| exact::Caseless { text: text.to_owned() };
    let answer = peer.caseless(
        entries.iter().map(|(text, value)| (key(text), *value)).collect(),
        entries.iter().map(|(text, value)| (key(text), *value)).collect(),
    );
    let answer: BTreeMap<_, _> = answer.iter().map(|(key, values)| (key.to_ascii_lowercase(), *values)).collect();
    assert_eq!(answer.keys().collect::<Vec<_>>(), ["a", "aa", "b"]);
    // "A" is sent before "a", so the value of "a" stays. Of the hash map's either may.
    assert!(answer["a"][1] == 3 && [1, 3].contains(&answer["a"][0]), "{answer:?}");
    assert_eq!((answer["aa"], answer["b"]), ([9, 9], [7, 7]));
}
