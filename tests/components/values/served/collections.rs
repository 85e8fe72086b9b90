//! Maps, sets and deques.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    future::poll_fn,
    task::Poll,
};

use lcr::{Fault, Serde};
use lcr_tests::values::{
    collections::{self, Caseless, Collections, Fragile, Index, Nested, Steady},
    contract::Small,
};

#[derive(Default)]
pub struct Collector;

#[lcr::component(name = "values", version = "1.0.0")]
impl Collections for Collector {
    fn hash_map(&self, v: HashMap<String, Vec<u32>>) -> HashMap<String, Vec<u32>> {
        v.into_iter().map(|(key, value)| (key.chars().rev().collect(), value.into_iter().rev().collect())).collect()
    }
    fn inverted(&self, v: BTreeMap<String, u64>) -> BTreeMap<u64, BTreeSet<String>> {
        let mut inverted = BTreeMap::<_, BTreeSet<_>>::new();
        v.into_iter().for_each(|(key, value)| _ = inverted.entry(value).or_default().insert(key));
        inverted
    }
    fn complements(&self, v: HashSet<u64>) -> HashSet<u64> {
        v.into_iter().map(|n| !n).collect()
    }
    fn tail(&self, mut v: BTreeSet<String>) -> BTreeSet<String> {
        v.pop_first();
        v
    }
    fn turned(&self, mut v: VecDeque<u32>) -> VecDeque<u32> {
        v.rotate_left(1.min(v.len()));
        v
    }
    fn turned_texts(&self, mut v: VecDeque<String>) -> VecDeque<String> {
        v.rotate_left(1.min(v.len()));
        v
    }
    fn places(&self, v: HashMap<&str, &[u8]>) -> BTreeMap<String, (usize, usize)> {
        v.into_iter().map(|(key, value)| (key.to_owned(), (key.as_ptr().addr(), value.as_ptr().addr()))).collect()
    }
    fn steady(&self, v: Steady<i8, ()>) -> Steady<i8, ()> {
        v
    }
    fn nested(&self, v: Result<Option<Nested>, BTreeSet<bool>>) -> Result<BTreeSet<bool>, Option<Nested>> {
        match v {
            Err(set) => Ok(set),
            Ok(nested) => Err(nested.map(|mut nested| {
                nested.values_mut().for_each(|(_, deques)| deques.swap(0, 1));
                nested
            })),
        }
    }
    fn index(&self, mut v: Index) -> Index {
        v.words.entry(String::new()).or_default();
        v.order.push_front(String::new());
        v
    }
    fn each(&self, v: Vec<BTreeMap<u8, u64>>, f: &dyn Fn(HashMap<u64, u8>) -> BTreeSet<u64>) -> Vec<BTreeSet<u64>> {
        v.into_iter().map(|map| f(map.into_iter().map(|(key, value)| (value, key)).collect())).collect()
    }
    fn caseless(&self, hashed: HashMap<Caseless, u64>, sorted: BTreeMap<Caseless, u64>) -> BTreeMap<String, [u64; 2]> {
        assert_eq!(hashed.len(), sorted.len());
        sorted
            .into_iter()
            .map(|(key, value)| ([hashed[&key], value], key))
            .map(|(values, key)| (key.text, values))
            .collect()
    }
    async fn later(&self, v: HashMap<String, u64>, lent: BTreeMap<&str, &[u8]>) -> (BTreeSet<String>, Vec<u8>) {
        for _ in 0..v.len() {
            let mut pending = true;
            poll_fn(|_| if std::mem::take(&mut pending) { Poll::Pending } else { Poll::Ready(()) }).await;
        }
        (v.into_keys().collect(), lent.into_values().flatten().copied().collect())
    }
    fn arm(&self, fuse: Option<u32>) {
        collections::arm(fuse);
    }
    fn fragile_hashed(&self, v: HashMap<Fragile, String>) -> Result<HashMap<Fragile, String>, Fault> {
        Ok(v)
    }
    fn fragile_sorted(&self, v: BTreeMap<Fragile, String>) -> Result<BTreeMap<Fragile, String>, Fault> {
        Ok(v)
    }
    fn fragile_sets(&self, v: HashSet<Fragile>, w: BTreeSet<Fragile>) -> Result<u64, Fault> {
        Ok((v.len() + w.len()) as u64)
    }
    fn decoded(&self, v: HashMap<String, Serde<Small>>, _: Vec<String>) -> Result<u64, Fault> {
        Ok(v.len() as u64)
    }
}
