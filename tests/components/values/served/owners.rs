//! Values that stay with who made them.

use std::{collections::BTreeMap, sync::Mutex, thread};

use lcr::{Bytes, Handle, Serde};
use lcr_tests::values::{
    contract::{Event, Numbers, Owners, Record, Tree},
    counted::{Counted, destroyed},
    sequences::TEXT,
};

use super::composites::changed;

type Given = Box<dyn Fn(u64, String) -> Vec<u64> + Send>;

#[derive(Default)]
pub struct Keeper {
    bytes: Mutex<Option<Bytes>>,
    handle: Mutex<Option<Handle<dyn Numbers>>>,
    function: Mutex<Option<Given>>,
}

#[lcr::component(name = "values", version = "1.0.0")]
impl Owners for Keeper {
    fn bytes(&self, text: &str) -> (Bytes, usize) {
        let bytes = Bytes::from_owner(Counted(text.to_owned()));
        let place = bytes.as_ptr().addr();
        (bytes, place)
    }
    fn destroyed(&self) -> u64 {
        destroyed()
    }
    fn pass(&self, v: Bytes) -> (usize, Bytes, Bytes) {
        (v.as_ptr().addr(), v.clone(), v)
    }
    fn keep(&self, v: Option<Bytes>) -> Option<Bytes> {
        std::mem::replace(&mut self.bytes.lock().unwrap(), v)
    }
    fn call(&self, handle: Handle<dyn Numbers>, v: u64) -> u64 {
        handle.u64(v)
    }
    fn keep_handle(&self, v: Option<Handle<dyn Numbers>>) -> Option<Handle<dyn Numbers>> {
        std::mem::replace(&mut self.handle.lock().unwrap(), v)
    }
    fn each(&self, text: &str, f: &dyn Fn(u32, &str) -> Option<String>) -> Vec<String> {
        text.split(' ').zip(0..).filter_map(|(word, number)| f(number, word)).collect()
    }
    fn everything(
        &self,
        f: &dyn Fn(Vec<String>, &mut [u8], (i128, f32), Event<u8>, Bytes) -> Result<Record, Bytes>,
    ) -> Result<Record, Bytes> {
        let mut room = [0; 3];
        let bytes = Bytes::from_owner(Counted(TEXT.to_owned()));
        let strings = vec![TEXT.to_owned(), String::new()];
        let result = f(strings, &mut room, (i128::MIN, -0.5), Event::Line(TEXT.to_owned(), 1), bytes);
        assert_eq!(&room, b"rrr");
        result.map(changed)
    }
    fn nullary(&self, f: &dyn Fn()) {
        f();
    }
    fn give(&self, f: Given) {
        drop(self.function.lock().unwrap().replace(f));
    }
    fn call_later(&self, n: u64) -> Vec<u64> {
        let function = self.function.lock().unwrap().take().unwrap();
        let (answer, function) = thread::spawn(move || (function(n, TEXT.to_owned()), function)).join().unwrap();
        *self.function.lock().unwrap() = Some(function);
        answer
    }
    fn forget(&self) -> bool {
        let function = self.function.lock().unwrap().take();
        thread::spawn(move || function.map(drop).is_some()).join().unwrap()
    }
    fn refuse(&self, _: Box<dyn Fn() + Send>) {}
    fn tree(&self, v: Serde<Tree>) -> Serde<BTreeMap<String, u64>> {
        fn count(tree: &Tree, counts: &mut BTreeMap<String, u64>) {
            if let Tree::Node { name, children } = tree {
                counts.insert(name.clone(), children.len() as u64);
                children.iter().for_each(|child| count(child, counts));
            }
        }
        let mut counts = BTreeMap::new();
        count(&v, &mut counts);
        Serde(counts)
    }
}
