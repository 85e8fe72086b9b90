#[lcr::interface(name = "kv.store", version = 1)]
pub trait Store {
    fn get(&mut self, key: &str) -> Option<Vec<u8>>;
    fn put<T>(&self, (key, value): (u8, T));
}

#[lcr::component(stateful)]
impl Store for HashStore {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        None
    }
}

#[derive(lcr::Abi)]
struct Raw<T>(*const T);
