//! This package has `lcr` without the feature `tokio`.

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct InTokio;

#[lcr::component(runtime = tokio)]
impl Store for InTokio {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct InAnother;

#[lcr::component(runtime = smol)]
impl Store for InAnother {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct InSome;

#[lcr::component(runtime = "tokio")]
impl Store for InSome {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
