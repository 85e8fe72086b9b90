#[lcr::interface(name = "kv.store", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[lcr::interface(name = "kv..store", version = 1)]
trait Gap {
    fn len(&self) -> u64;
}

#[lcr::interface(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", version = 1)]
trait Long {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct HashStore;

#[lcr::component(name = "")]
impl Store for HashStore {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Hidden;

#[lcr::component(name = ".hidden")]
impl Store for Hidden {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Elsewhere;

#[lcr::component(name = "../kv")]
impl Store for Elsewhere {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct Endless;

#[lcr::component(name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
impl Store for Endless {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
