#[lcr::interface(name = "kv.queue", version = 1)]
pub trait Queue {
    async fn pop(&self, key: &str) -> Option<Vec<u8>>;
    async fn each(&self, visit: &(dyn Fn(&str) -> bool + Sync), done: Box<dyn Fn(u64) + Send>) -> u64;
    async fn push(&self, key: &str, mut value: Vec<u8>, _: u8) -> Result<u64, QueueError> {
        value.push(0);
        self.pop(key).await;
        Ok(1)
    }
    fn len(&self) -> u64;
}
