//! Random changes and looks, beside plain containers: a copy that was made in looks while the original
//! changed is the original.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Debug,
    hash::{BuildHasher, BuildHasherDefault, Hasher},
};

use proptest::prelude::*;

use super::{MapChanges, Tracked, VecChanges};
use crate::component::{incremental::Incremental, stateful::BoxError, wire};

/// What happens to a map.
#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    GetMut(u16, u32),
    GetOrInsert(u16, u32),
    PopFirst,
    PopLast,
    Clear,
    Retain(u32),
    IterMut,
    Look(usize),
    Track,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..200_u16;
    let step = prop_oneof![
        30 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        15 => key.clone().prop_map(Step::Remove),
        15 => (key.clone(), any::<u32>()).prop_map(|(key, value)| Step::GetMut(key, value)),
        15 => (key, any::<u32>()).prop_map(|(key, value)| Step::GetOrInsert(key, value)),
        3 => Just(Step::PopFirst),
        3 => Just(Step::PopLast),
        1 => Just(Step::Clear),
        1 => (1..5_u32).prop_map(Step::Retain),
        1 => Just(Step::IterMut),
        20 => (1..60_usize).prop_map(Step::Look),
        1 => Just(Step::Track),
    ];
    prop::collection::vec(step, 0..400)
}

type Changes = MapChanges<u16, u32>;

/// Makes a step in a map of either kind and in a plain one, and compares what the two returned.
macro_rules! change {
    ($map:expr, $plain:expr, $step:expr) => {
        match $step {
            Step::Insert(key, value) => assert_eq!($map.insert(key, value), $plain.insert(key, value)),
            Step::Remove(key) => assert_eq!($map.remove(&key), $plain.remove(&key)),
            Step::GetMut(key, value) => {
                let (one, other) = ($map.get_mut(&key), $plain.get_mut(&key));
                assert_eq!(one, other);
                one.into_iter().chain(other).for_each(|place| *place = value);
            }
            Step::GetOrInsert(key, value) => {
                assert_eq!($map.get_or_insert_with(key, || value), $plain.entry(key).or_insert(value));
            }
            Step::Clear => {
                $map.clear();
                $plain.clear();
            }
            Step::Retain(every) => {
                $map.retain(|_, value| *value % every == 0);
                $plain.retain(|_, value| *value % every == 0);
            }
            Step::IterMut => {
                $map.iter_mut().for_each(|(_, value)| *value ^= 1);
                $plain.values_mut().for_each(|value| *value ^= 1);
            }
            Step::PopFirst | Step::PopLast | Step::Look(_) | Step::Track => {}
        }
    };
}

/// Sends changes as they cross between images.
fn cross<C: serde::Serialize + serde::de::DeserializeOwned>(changes: &C) -> C {
    wire::decode(&wire::encode(changes).unwrap()).unwrap()
}

/// Copies what is left. The bound is on looks that find nothing.
fn finish<A: Incremental<Changes: Clone>, B: Incremental<Changes = A::Changes>>(original: &mut A, copy: &mut B) {
    let mut looks = 0;
    while original.left() > 0 {
        copy.apply(cross(&original.changes(50).unwrap())).unwrap();
        looks += 1;
        assert!(looks < 1_000, "{} are left for ever", original.left());
    }
}

fn plain<C: IntoIterator<Item = (u16, u32)>>(map: C) -> BTreeMap<u16, u32> {
    map.into_iter().collect()
}

/// Runs steps on a hash map, and copies it meanwhile into `copy`.
fn copy_hash<S, B>(steps: Vec<Step>, mut copy: B) -> (BTreeMap<u16, u32>, B)
where
    S: BuildHasher + Clone + Default,
    B: Incremental<Changes = Changes>,
{
    let (mut map, mut model) = (Tracked::<HashMap<u16, u32, S>>::default(), HashMap::new());
    map.extend((0..100).map(|key| (key, 7)));
    model.extend((0..100).map(|key| (key, 7)));
    map.track(usize::MAX);
    for step in steps {
        match step {
            Step::Look(limit) => copy.apply(cross(&map.changes(limit).unwrap())).unwrap(),
            Step::Track => map.track(usize::MAX),
            step => change!(map, model, step),
        }
        assert_eq!(map.len(), model.len());
        assert_eq!((map.iter().count(), map.is_empty()), (model.len(), model.is_empty()));
        assert!(model.iter().all(|(key, value)| map.get(key) == Some(value)));
    }
    finish(&mut map, &mut copy);
    map.untrack();
    assert_eq!((map.left(), map.changes(1).is_err()), (0, true));
    let plain = plain(HashMap::from(map));
    assert_eq!(plain, model.into_iter().collect());
    (plain, copy)
}

fn copy_tree<B: Incremental<Changes = Changes>>(steps: Vec<Step>, mut copy: B) -> (BTreeMap<u16, u32>, B) {
    let mut map: Tracked<BTreeMap<u16, u32>> = (0..100).map(|key| (key, 7)).collect();
    let mut model: BTreeMap<u16, u32> = (0..100).map(|key| (key, 7)).collect();
    map.track(usize::MAX);
    for step in steps {
        match step {
            Step::Look(limit) => {
                let changes = map.changes(limit).unwrap();
                assert!(changes.len() <= limit);
                copy.apply(cross(&changes)).unwrap();
            }
            Step::Track => map.track(usize::MAX),
            Step::PopFirst => assert_eq!(map.pop_first(), model.pop_first()),
            Step::PopLast => assert_eq!(map.pop_last(), model.pop_last()),
            step => change!(map, model, step),
        }
        assert_eq!(*map, model);
    }
    finish(&mut map, &mut copy);
    (model, copy)
}

/// A hasher that gives few hashes, so that no split parts their keys.
#[derive(Default)]
struct Few(u64);

impl Hasher for Few {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0] % 3);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A hasher that gives numbers themselves.
#[derive(Default)]
pub(super) struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map that has something else in it before the first changes come.
fn strange<C: FromIterator<(u16, u32)>>() -> C {
    (500..600).map(|key| (key, 1)).collect()
}

#[derive(Clone, Debug)]
enum VecStep {
    Push(u32),
    Pop,
    Set(usize, u32),
    Insert(usize, u32),
    Remove(usize),
    SwapRemove(usize),
    Truncate(usize),
    Retain(u32),
    IterMut,
    Look(usize),
}

fn vec_steps() -> impl Strategy<Value = Vec<VecStep>> {
    let index = any::<usize>();
    let step = prop_oneof![
        30 => any::<u32>().prop_map(VecStep::Push),
        10 => Just(VecStep::Pop),
        20 => (index, any::<u32>()).prop_map(|(index, element)| VecStep::Set(index, element)),
        5 => (index, any::<u32>()).prop_map(|(index, element)| VecStep::Insert(index, element)),
        5 => index.prop_map(VecStep::Remove),
        10 => index.prop_map(VecStep::SwapRemove),
        1 => index.prop_map(VecStep::Truncate),
        1 => (1..5_u32).prop_map(VecStep::Retain),
        1 => Just(VecStep::IterMut),
        20 => (1..60_usize).prop_map(VecStep::Look),
    ];
    prop::collection::vec(step, 0..400)
}

fn change_vec(vec: &mut Tracked<Vec<u32>>, model: &mut Vec<u32>, step: VecStep) {
    let len = model.len();
    match step {
        VecStep::Push(element) => {
            vec.push(element);
            model.push(element);
        }
        VecStep::Pop => assert_eq!(vec.pop(), model.pop()),
        VecStep::Set(index, element) => {
            let index = index % (len + 1);
            let places = vec.get_mut(index).into_iter().chain(model.get_mut(index));
            places.for_each(|place| *place = element);
        }
        VecStep::Insert(index, element) => {
            vec.insert(index % (len + 1), element);
            model.insert(index % (len + 1), element);
        }
        VecStep::Remove(index) if len > 0 => assert_eq!(vec.remove(index % len), model.remove(index % len)),
        VecStep::SwapRemove(index) if len > 0 => {
            assert_eq!(vec.swap_remove(index % len), model.swap_remove(index % len));
        }
        VecStep::Truncate(index) => {
            vec.truncate(index % (len + 1));
            model.truncate(index % (len + 1));
        }
        VecStep::Retain(every) => {
            vec.retain(|element| *element % every == 0);
            model.retain(|element| *element % every == 0);
        }
        VecStep::IterMut => {
            vec.iter_mut().for_each(|element| *element ^= 1);
            model.iter_mut().for_each(|element| *element ^= 1);
        }
        VecStep::Remove(_) | VecStep::SwapRemove(_) | VecStep::Look(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hash_map_is_copied_to_a_tree_while_it_changes(steps in steps()) {
        let (map, copy) = copy_hash::<std::hash::RandomState, _>(steps, strange::<Tracked<BTreeMap<_, _>>>());
        prop_assert_eq!(map, BTreeMap::from(copy));
    }

    #[test]
    fn a_tree_is_copied_to_a_hash_map_while_it_changes(steps in steps()) {
        let (map, copy) = copy_tree(steps, strange::<Tracked<HashMap<_, _>>>());
        prop_assert_eq!(map, plain(HashMap::from(copy)));
    }

    #[test]
    fn a_hash_map_of_any_hasher_is_copied(steps in steps()) {
        let (map, copy) =
            copy_hash::<BuildHasherDefault<Few>, _>(steps.clone(), Tracked::<BTreeMap<_, _>>::default());
        prop_assert_eq!(map, BTreeMap::from(copy));
        let (map, copy) = copy_hash::<BuildHasherDefault<Same>, _>(steps, Tracked::<BTreeMap<_, _>>::default());
        prop_assert_eq!(map, BTreeMap::from(copy));
    }

    #[test]
    fn a_vector_is_copied_while_it_changes(steps in vec_steps()) {
        let mut model: Vec<u32> = (0..100).collect();
        let (mut vec, mut copy) = (Tracked::from(model.clone()), Tracked::from(vec![1; 500]));
        vec.track(usize::MAX);
        for step in steps {
            match step {
                VecStep::Look(limit) => {
                    let changes = vec.changes(limit).unwrap();
                    assert!(changes.len() <= limit);
                    copy.apply(cross(&changes)).unwrap();
                }
                step => change_vec(&mut vec, &mut model, step),
            }
            assert_eq!(*vec, model);
        }
        finish(&mut vec, &mut copy);
        prop_assert_eq!(Vec::from(copy), model);
    }

    #[test]
    fn serde_reads_and_writes_tracked_containers_as_plain_ones(map: BTreeMap<u16, u32>, vec: Vec<u32>) {
        let hash: Tracked<HashMap<u16, u32>> = map.clone().into_iter().collect();
        prop_assert_eq!(&cross(&hash), &hash);
        let tree: Tracked<BTreeMap<u16, u32>> = wire::decode(&wire::encode(&hash).unwrap()).unwrap();
        prop_assert_eq!(&*tree, &map);
        prop_assert_eq!(wire::encode(&tree).unwrap(), wire::encode(&map).unwrap());
        prop_assert_eq!(&*cross(&Tracked::from(vec.clone())), &vec);
    }
}

/// Changes what was copied until more than `most` notes would be there.
fn assert_bounded<T: Incremental<Changes: Debug>>(mut state: T, change: impl Fn(&mut T, u16)) {
    state.track(10);
    while state.left() > 0 {
        state.changes(1_000).unwrap();
    }
    (0..10).for_each(|key| change(&mut state, key));
    assert!(state.left() >= 10);
    (10..100).for_each(|key| change(&mut state, key));
    assert!(state.left() > 0, "what was forgotten must show");
    let refusal: BoxError = state.changes(1_000).unwrap_err();
    assert!(refusal.to_string().contains("more than 10 changes"), "{refusal}");
    assert!(state.left() > 0 && state.changes(1_000).is_err(), "and goes on to show");
    state.track(10);
    assert!(state.changes(1_000).is_ok());
}

#[test]
fn a_record_is_bounded_and_tells_what_it_has_forgotten() {
    let entries = || (0..100_u16).map(|key| (key, 1_u32));
    assert_bounded(entries().collect::<Tracked<HashMap<_, _>>>(), |map, key| _ = map.insert(key, 2));
    assert_bounded(entries().collect::<Tracked<BTreeMap<_, _>>>(), |map, key| _ = map.remove(&key));
    assert_bounded(Tracked::from(vec![1_u32; 100]), |vec, key| *vec.get_mut(key.into()).unwrap() = 2);
}

#[test]
fn a_key_that_changes_all_the_time_holds_no_other_key_back() {
    let mut map: Tracked<BTreeMap<u16, u32>> = (0..100).map(|key| (key, 0)).collect();
    map.track(usize::MAX);
    drop(map.changes(1_000).unwrap());
    (0..100).for_each(|key| _ = map.insert(key, 1));
    let mut seen = 0;
    for round in 0..200 {
        map.insert(0, round);
        seen += map.changes(1).unwrap().entries.iter().filter(|(key, _)| *key != 0).count();
    }
    assert_eq!(seen, 99);
}

#[test]
fn changes_that_do_not_belong_to_a_vector_are_refused() {
    let changes = |kept, changed| VecChanges { kept, changed, more: vec![] };
    for wrong in [changes(4, vec![]), changes(3, vec![(3, 1)]), changes(usize::MAX, vec![]), changes(0, vec![(0, 1)])] {
        let refusal = Tracked::from(vec![1_u32; 3]).apply(wrong).unwrap_err();
        assert!(
            refusal.to_string().ends_with("is refused") || refusal.to_string().ends_with("are refused"),
            "{refusal}"
        );
    }
}

#[test]
fn equal_hashes_take_no_memory_beside_their_entries() {
    let map: Tracked<HashMap<u16, u32, BuildHasherDefault<Few>>> = (0..2_000).map(|key| (key, 1)).collect();
    assert!(map.parts.entries.places() <= 16 * (2_000 / 4 + 1));
    assert_eq!(map.len(), 2_000);
}
