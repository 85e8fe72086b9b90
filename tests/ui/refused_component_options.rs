#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct HashStore;

#[lcr::component(stateful, protected, protected, unload = true, create(Self::open))]
#[lcr::component(name = "hash store", version = "1.2", replaces(0))]
impl Store for HashStore {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct TreeStore;

#[lcr::component(incremental = parts::entries)]
impl Store for TreeStore {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
