#[lcr::interface(name = "kv.feed", version = 1)]
pub trait Feed {
    fn watch(&self, from: u64, prefix: &str) -> impl Stream<Item = Result<Change, Lost>> + Send;
    fn filtered<'a>(
        &'a self,
        wants: &'a (dyn Fn(&str) -> bool + Sync),
        done: Box<dyn Fn(u64) + Send>,
    ) -> impl lcr::Stream<Item = u64> + Send + 'a {
        self.counted(wants, done)
    }
}
