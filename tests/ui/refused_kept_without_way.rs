#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct Neither {
    entries: lcr::State<Vec<Option<Box<dyn Fn() + Send + Sync>>>>,
}

#[lcr::component(state = entries)]
impl Store for Neither {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
