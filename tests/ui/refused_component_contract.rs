trait Plain {
    fn len(&self) -> u64;
}

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

struct NoDefault;
struct NoState;

impl NoState {
    fn open() -> NoState {
        NoState
    }
}

#[lcr::component(create = NotAnInterface::open)]
impl Plain for NotAnInterface {
    fn len(&self) -> u64 {
        0
    }
}

struct NotAnInterface;

impl NotAnInterface {
    fn open(_: &lcr::Context) -> Result<NotAnInterface, String> {
        Ok(NotAnInterface)
    }
}

#[lcr::component]
impl Store for NoDefault {
    fn len(&self) -> u64 {
        0
    }
}

#[lcr::component(create = Self::open, state)]
impl Store for NoState {
    fn len(&self) -> u64 {
        0
    }
}

fn main() {}
