#[lcr::interface(name = "kv.journal", version = 1, mocks)]
pub trait Journal {
    fn append(&self, line: &str, #[abi(secret)] key: Vec<u8>, level: u8) -> Result<u64, Full>;
    fn fill<'a>(&'a self, parts: &[View<'a>], into: &mut [u8], f: &dyn Fn(&str) -> bool);
    async fn fetch(&self, done: Box<dyn Fn(u64) + Send>) -> Option<String>;
    fn sync(&self);
}
