//! The contract of every storage engine of `live_kv`, whatever its data structure.
//!
//! Every test runs on each engine three times: called as plain Rust, as a component
//! linked into this program, and as a component loaded from its library. The source is
//! the same file each time.

#![allow(clippy::duplicate_mod, reason = "both engines mount what they have in common, as their libraries do")]

#[path = "../live_kv/components/engine_hash.rs"]
mod engine_hash;
#[path = "../live_kv/components/engine_tree.rs"]
mod engine_tree;

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ops::Deref,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use engine_hash::HashEngine;
use engine_tree::TreeEngine;
use kv::{Condition, Engine, EngineError, Swap};
use lcr::{Bytes, Incremental, Runtime, State};
use serde::{Serialize, de::DeserializeOwned};

/// An engine under test, and the runtime that it comes from, if any.
struct Subject {
    engine: Box<dyn Engine>,
    _runtime: Option<Runtime>,
}

impl Deref for Subject {
    type Target = dyn Engine;
    fn deref(&self) -> &(dyn Engine + 'static) {
        &*self.engine
    }
}

/// Both engines in each of the three ways, empty.
fn engines() -> Vec<Subject> {
    let plain: [Box<dyn Engine>; 2] = [Box::new(HashEngine::default()), Box::new(TreeEngine::default())];
    let plain = plain.map(|engine| Subject { engine, _runtime: None });
    let linked = ["kv-engine-hash", "kv-engine-tree"].map(|component| {
        let runtime = Runtime::new().unwrap();
        let engine = runtime.service_of::<dyn Engine>(component).unwrap();
        Subject { engine: Box::new(engine), _runtime: Some(runtime) }
    });
    let loaded = ["kv_engine_hash", "kv_engine_tree"].map(|library| {
        let runtime = Runtime::builder().linked(false).build().unwrap();
        runtime.load(beside_this_test(library)).unwrap();
        let engine = runtime.service::<dyn Engine>().unwrap();
        Subject { engine: Box::new(engine), _runtime: Some(runtime) }
    });
    plain.into_iter().chain(linked).chain(loaded).collect()
}

/// A library that Cargo built together with this test.
fn beside_this_test(name: &str) -> PathBuf {
    let mut path = env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push(format!("examples/lib{name}.so"));
    assert!(path.exists(), "{} is missing; `cargo build --examples` makes it", path.display());
    path
}

fn text(value: Option<Bytes>) -> Option<String> {
    value.map(|value| String::from_utf8(value.to_vec()).unwrap())
}

#[test]
fn a_value_is_what_was_set_last() {
    for engine in engines() {
        assert_eq!(engine.get(b"a").unwrap(), None);
        engine.set(b"a", b"1").unwrap();
        engine.set(b"a", b"2").unwrap();
        assert_eq!(text(engine.get(b"a").unwrap()).as_deref(), Some("2"));
        assert_eq!(engine.count(), Ok(1));
        assert_eq!(engine.remove(vec![b"a", b"a", b"b"]), Ok(1));
        assert_eq!(engine.get(b"a").unwrap(), None);
        assert_eq!(engine.count(), Ok(0));
    }
}

#[test]
fn a_value_outlives_its_key() {
    for engine in engines() {
        engine.set(b"a", b"old").unwrap();
        let value = engine.get(b"a").unwrap().unwrap();
        engine.set(b"a", b"new").unwrap();
        engine.clear().unwrap();
        assert_eq!(&*value, b"old");
    }
}

#[test]
fn a_swap_stores_on_its_condition_and_tells_what_was_there() {
    let previous = |value: &[u8]| Some(Bytes::from(value.to_vec()));
    for engine in engines() {
        let swap = |value: &[u8], condition| engine.swap(b"a", value, condition).unwrap();
        assert_eq!(swap(b"1", Condition::Present), Swap { stored: false, previous: None });
        assert_eq!(swap(b"2", Condition::Absent), Swap { stored: true, previous: None });
        assert_eq!(swap(b"3", Condition::Absent), Swap { stored: false, previous: previous(b"2") });
        assert_eq!(swap(b"4", Condition::Present), Swap { stored: true, previous: previous(b"2") });
        assert_eq!(swap(b"5", Condition::Always), Swap { stored: true, previous: previous(b"4") });
        assert_eq!(engine.count(), Ok(1));
    }
}

#[test]
fn when_one_write_names_a_key_twice_the_last_value_wins_and_both_count() {
    for engine in engines() {
        engine.set_many(vec![(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]).unwrap();
        assert_eq!(engine.count(), Ok(2));
        assert_eq!(engine.contains(vec![b"a", b"a", b"c", b"b"]), Ok(3));
        let values = engine.get_many(vec![b"a", b"c", b"b", b"a"]).unwrap();
        let values: Vec<_> = values.into_iter().map(text).collect();
        assert_eq!(values, [Some("3"), None, Some("2"), Some("3")].map(|value| value.map(str::to_owned)));
    }
}

#[test]
fn addition_starts_at_zero_and_refuses_without_a_change() {
    for engine in engines() {
        assert_eq!(engine.add(b"n", 5), Ok(5));
        assert_eq!(engine.add(b"n", -7), Ok(-2));
        engine.set(b"n", b"9223372036854775807").unwrap();
        assert_eq!(engine.add(b"n", 1), Err(EngineError::Overflow));
        engine.set(b"x", b"07").unwrap();
        assert_eq!(engine.add(b"x", 1), Err(EngineError::NotAnInteger));
        assert_eq!(text(engine.get(b"x").unwrap()).as_deref(), Some("07"));
    }
}

#[test]
fn any_sequence_of_calls_does_to_an_engine_what_it_does_to_a_plain_map() {
    for engine in engines() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for _ in 0..20_000 {
            let mut key = || format!("k{}", random.u32(..200)).into_bytes();
            let (one, two) = (key(), key());
            let value = random.u64(..).to_string().into_bytes();
            match random.u32(..8) {
                0 | 1 => {
                    engine.set(&one, &value).unwrap();
                    model.insert(one, value);
                }
                2 => {
                    engine.set_many(vec![(&one, &value), (&two, &one)]).unwrap();
                    model.insert(one.clone(), value);
                    model.insert(two, one);
                }
                3 => {
                    let removed = model.remove(&one).is_some();
                    assert_eq!(engine.remove(vec![&one]), Ok(u64::from(removed)));
                }
                4 => {
                    engine.set(&one, b"0").unwrap();
                    assert_eq!(engine.add(&one, 3), Ok(3));
                    model.insert(one, b"3".to_vec());
                }
                _ => assert_eq!(engine.get(&one).unwrap().as_deref(), model.get(&one).map(Vec::as_slice)),
            }
            assert_eq!(engine.count(), Ok(model.len() as u64));
        }
        assert_eq!(scanned(&*engine, 7), model.into_keys().collect());
    }
}

/// All keys, by pages of `count`; no key may come twice.
fn scanned(engine: &dyn Engine, count: u64) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    let mut cursor = 0;
    loop {
        let page = engine.scan(cursor, count).unwrap();
        for key in page.keys {
            assert!(keys.insert(key), "a key came twice");
        }
        cursor = page.next;
        if cursor == 0 {
            return keys;
        }
    }
}

#[test]
fn a_hand_over_between_any_two_structures_keeps_everything() {
    let full = TreeEngine::default();
    for number in 0..5_000u32 {
        full.set(format!("key:{number}").as_bytes(), &vec![b'x'; number as usize % 300]).unwrap();
    }
    let hash = HashEngine { shards: handed_over(&full.shards) };
    let hash = HashEngine { shards: handed_over(&hash.shards) };
    let tree = TreeEngine { shards: handed_over(&hash.shards) };
    let tree = TreeEngine { shards: handed_over(&tree.shards) };
    for engine in [&hash as &dyn Engine, &tree] {
        assert_eq!(engine.count(), Ok(5_000));
        assert_eq!(scanned(engine, 100), scanned(&full, 100));
        for number in 0..5_000u32 {
            let value = engine.get(format!("key:{number}").as_bytes()).unwrap().unwrap();
            assert_eq!(value.len(), number as usize % 300);
        }
    }
}

/// Hands state over as the runtime does where it is copied as a whole.
fn handed_over<Old: Serialize + Sync, New: DeserializeOwned>(old: &State<Old>) -> State<New> {
    let bytes = lcr::wire::encode(&*old.read()).unwrap();
    State::new(lcr::wire::decode(&bytes).unwrap())
}

#[test]
fn another_build_of_an_engine_gets_the_map_by_pointer_and_another_structure_a_copy_ahead() {
    let runtime = Runtime::builder().linked(false).build().unwrap();
    runtime.load(beside_this_test("kv_engine_hash")).unwrap();
    let engine = runtime.service::<dyn Engine>().unwrap();
    for number in 0..5_000u32 {
        engine.set(format!("key:{number}").as_bytes(), &vec![b'x'; number as usize % 300]).unwrap();
    }
    let keys = scanned(&engine, 100);
    let turns = [("kv_engine_hash_next", 1), ("kv_engine_hash", 1), ("kv_engine_tree", 0), ("kv_engine_tree", 1)];
    for (library, moved) in turns {
        let held = engine.get(b"key:299").unwrap().unwrap();
        let report = runtime.replace(beside_this_test(library)).unwrap();
        let member = &report.members[0];
        assert_eq!((member.moved, member.precopy.is_none()), (moved, moved == 1), "{library}");
        assert_eq!(engine.count(), Ok(5_000));
        assert_eq!(scanned(&engine, 100), keys);
        assert_eq!(engine.get(b"key:299").unwrap().unwrap(), held, "a value that a caller holds stays what it was");
    }
}

/// Copies the state by changes, as the runtime does, with a call between every two looks.
fn copied_in_looks<Old: Incremental, New: Incremental>(
    old: &mut Old,
    new: &mut New,
    limit: usize,
    mut call: impl FnMut(&Old),
) {
    let mut look = |old: &mut Old| {
        let bytes = lcr::wire::encode(&old.changes(limit).unwrap()).unwrap();
        new.apply(lcr::wire::decode(&bytes).unwrap()).unwrap();
    };
    old.track(1 << 20);
    for _ in 0..400 {
        look(old);
        call(old);
    }
    while old.left() > 0 {
        look(old);
    }
    look(old);
    old.untrack();
}

#[test]
fn a_copy_by_changes_between_structures_has_every_change_that_was_made_meanwhile() {
    for (seed, is_cleared) in [(1, false), (2, true), (3, false)] {
        let (hash, tree, back) = (HashEngine::default(), TreeEngine::default(), HashEngine::default());
        for number in 0..5_000u32 {
            hash.set(format!("key:{number}").as_bytes(), &vec![b'x'; number as usize % 300]).unwrap();
        }
        // What is there before the copy begins is not of the state.
        tree.set(b"key:from before", b"").unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut calls = 0;
        copied_in_looks(&mut *hash.shards.write(), &mut *tree.shards.write(), 50, |shards| {
            let key = format!("key:{}", random.u32(..6_000));
            match random.u32(..4) {
                0 => drop(shards.remove(&[key.as_bytes()])),
                _ => shards.set(key.as_bytes(), &random.u64(..).to_le_bytes()),
            }
            calls += 1;
            if is_cleared && calls == 150 {
                shards.clear();
            }
        });
        copied_in_looks(&mut *tree.shards.write(), &mut *back.shards.write(), 1, |shards| {
            shards.set(format!("key:{}", random.u32(..6_000)).as_bytes(), b"later");
        });
        for engine in [&hash as &dyn Engine, &back] {
            assert_eq!(engine.count(), Ok(scanned(engine, 100).len() as u64));
        }
        assert_eq!(tree.count(), back.count());
        assert_eq!(scanned(&tree, 100), scanned(&back, 100));
        for key in scanned(&tree, 100) {
            assert_eq!(tree.get(&key), back.get(&key));
        }
        let missing = scanned(&hash, 100).into_iter().find(|key| tree.get(key).unwrap().is_none());
        assert_eq!(missing, None);
    }
}

#[test]
fn a_look_visits_the_shards_alone_that_have_changes() {
    let hash = HashEngine::default();
    for number in 0..5_000u32 {
        hash.set(format!("key:{number}").as_bytes(), b"x").unwrap();
    }
    let mut shards = hash.shards.write();
    shards.track(1 << 20);
    while shards.left() > 0 {
        shards.changes(1_000).unwrap();
    }
    assert!(shards.changes(usize::MAX).unwrap().is_empty());
    shards.set(b"key:7", b"y");
    shards.add(b"number", 1).unwrap();
    assert_eq!(shards.left(), 2);
    assert_eq!(shards.changes(usize::MAX).unwrap().len(), 2);
    assert_eq!(shards.left(), 0);
}

#[test]
fn a_scan_returns_every_lasting_key_once_across_hand_overs_and_changes() {
    let lasting: BTreeSet<Vec<u8>> = (0..2_000).map(|number| format!("stays:{number}").into_bytes()).collect();
    let mut hash = HashEngine::default();
    for key in &lasting {
        hash.set(key, b"").unwrap();
    }
    let mut seen = Vec::new();
    let mut cursor = 0;
    for round in 0u32.. {
        let tree = TreeEngine { shards: handed_over(&hash.shards) };
        let page = tree.scan(cursor, 10).unwrap();
        seen.extend(page.keys);
        tree.set(format!("comes:{round}").as_bytes(), b"").unwrap();
        tree.remove(vec![format!("comes:{}", round / 2).as_bytes()]).unwrap();
        hash = HashEngine { shards: handed_over(&tree.shards) };
        cursor = page.next;
        if cursor != 0 {
            let page = hash.scan(cursor, 10).unwrap();
            seen.extend(page.keys);
            cursor = page.next;
        }
        if cursor == 0 {
            break;
        }
    }
    seen.retain(|key| key.starts_with(b"stays:"));
    assert_eq!(seen.len(), lasting.len(), "no key came twice");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), lasting);
}

#[test]
fn no_reader_sees_half_of_a_write_of_several_keys() {
    const KEYS: [&[u8]; 3] = [b"first", b"second", b"third"];
    for engine in engines() {
        let engine = &*engine;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..20_000u32 {
                    let value = number.to_string();
                    engine.set_many(KEYS.map(|key| (key, value.as_bytes())).to_vec()).unwrap();
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                let values = engine.get_many(KEYS.to_vec()).unwrap();
                assert!(values.windows(2).all(|pair| pair[0] == pair[1]), "{values:?}");
            }
        });
    }
}

#[test]
fn concurrent_additions_are_all_kept() {
    for engine in engines() {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..5_000).for_each(|_| assert!(engine.add(b"n", 1).is_ok())));
            }
        });
        assert_eq!(engine.add(b"n", 0), Ok(20_000));
    }
}
