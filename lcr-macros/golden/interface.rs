#[lcr::interface(name = "kv.store", version = 2, replaces(1), deps(Journal), patches)]
pub trait Store {
    /// Documentation stays with the trait.
    fn get(&self, key: &str) -> Option<Vec<u8>>;
    fn put(&self, key: &str, #[abi(secret)] value: &[u8]) -> Result<(), StoreError>;
    #[lcr(pure)]
    fn len(&self) -> u64 {
        0
    }
}
