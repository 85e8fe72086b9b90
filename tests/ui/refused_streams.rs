use lcr::Stream;

#[lcr::interface(name = "feed", version = 1)]
trait Feed {
    fn pinned_to_a_thread(&self) -> impl Stream<Item = u64>;
    fn boxed(&self) -> Box<dyn Stream<Item = u64> + Send>;
    fn pinned(&self) -> std::pin::Pin<Box<dyn Stream<Item = u64> + Send + '_>>;
    async fn twice(&self) -> impl Stream<Item = u64> + Send;
    fn lent(&self) -> impl Stream<Item = &str> + Send;
    fn no_item(&self) -> impl Stream + Send;
    fn for_ever(&self) -> impl Stream<Item = u64> + Send + 'static;
    fn moving(&self) -> impl Stream<Item = u64> + Send + Unpin;
    fn maybe(&self) -> Option<impl Stream<Item = u64> + Send>;
    fn later(&self) -> impl Future<Output = u64> + Send;
    fn iterator(&self) -> impl Iterator<Item = u64> + Send;
    fn taken(&self, from: impl Stream<Item = u64> + Send);
    fn called(&self, wants: &dyn Fn(u64) -> bool) -> impl Stream<Item = u64> + Send;
}

fn main() {}
