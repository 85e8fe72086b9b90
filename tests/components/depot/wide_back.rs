//! A depot whose numbers have become texts, and which goes back to numbers.

mod texts;

use std::{collections::HashMap, sync::Mutex};

use lcr::{BoxError, Context, RawState, Stateful};
use lcr_tests::depot::Depot;
use texts::{Map, Texts};

#[derive(Default)]
struct Wide {
    texts: Mutex<Texts>,
}

#[lcr::component(name = "depot", version = "3.0.0", state, incremental = texts)]
impl Depot for Wide {
    fn put(&self, name: &str, number: u64) {
        self.texts.lock().unwrap().0.insert(name.to_owned(), number.to_string());
    }
    fn take(&self, name: &str) -> Option<u64> {
        self.texts.lock().unwrap().0.remove(name)?.parse().ok()
    }
    fn get(&self, name: &str) -> Option<u64> {
        self.texts.lock().unwrap().0.get(name)?.parse().ok()
    }
    fn count(&self) -> u64 {
        self.texts.lock().unwrap().0.len() as u64
    }
    fn kind(&self) -> String {
        "texts".to_owned()
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

impl Stateful for Wide {
    type State = Map;
    const STATE_VERSION: u32 = 2;
    const DOWNGRADES_TO: &'static [u32] = &[1];

    fn save(&self) -> Result<Map, BoxError> {
        Ok(self.texts.lock().unwrap().0.clone())
    }
    fn restore(map: Map, _: &Context) -> Result<Wide, BoxError> {
        Ok(Wide { texts: Mutex::new(Texts(map)) })
    }
    fn downgrade(to: u32, map: Map) -> Result<RawState<'static>, BoxError> {
        assert_eq!(to, 1);
        let numbers = map.iter().map(|(name, text)| Ok((name.clone(), text.parse()?)));
        let numbers: HashMap<String, u64> = numbers.collect::<Result<_, BoxError>>()?;
        RawState::of(&numbers)
    }
}
