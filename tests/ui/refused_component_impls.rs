#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct Cache<T>(T);

#[derive(Default)]
struct Borrowed<'a>(Option<&'a str>);

struct Inherent;

#[lcr::component]
impl<T: Default + Send + Sync + 'static> Store for Cache<T> {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component]
impl Store for Borrowed<'_> {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component]
impl Inherent {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component]
struct NotAnImpl;

fn main() {}
