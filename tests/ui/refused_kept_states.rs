#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn len(&self) -> u64;
}

#[derive(Default)]
struct NoState {
    entries: std::sync::Mutex<u64>,
}

#[lcr::component(state = entries)]
impl Store for NoState {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct NoSuchField;

#[lcr::component(state = entries)]
impl Store for NoSuchField {
    fn len(&self) -> u64 {
        0
    }
}

#[derive(Default)]
struct OtherResult {
    entries: lcr::State<u64>,
}

#[lcr::component(state = entries, migrate = Self::migrate)]
impl Store for OtherResult {
    fn len(&self) -> u64 {
        0
    }
}

impl OtherResult {
    fn migrate(_: u32, _: lcr::RawState<'_>) -> Result<u32, lcr::BoxError> {
        Ok(0)
    }
}

#[derive(lcr::Layout)]
struct Hook {
    call: fn(u32) -> u32,
}

#[derive(lcr::Layout)]
struct Object {
    object: Box<dyn Send>,
}

#[derive(lcr::Layout)]
struct Raw {
    at: *mut u8,
}

#[derive(lcr::Layout)]
struct Thread {
    thread: std::thread::JoinHandle<()>,
}

#[derive(lcr::Layout)]
struct Holds {
    store: lcr::Handle<dyn Store>,
}

#[derive(lcr::Layout)]
struct Failed {
    error: std::io::Error,
}

type Alias = std::rc::Rc<u8>;

#[derive(lcr::Layout)]
struct Counted(Alias);

#[derive(lcr::Layout)]
struct Borrowing<'a>(&'a u8);

#[derive(lcr::Layout)]
union Either {
    one: u8,
    other: i8,
}

#[derive(lcr::Layout)]
#[repr(u128)]
enum Wide {
    One = 1,
    Other = 1 + (1 << 64),
}

fn main() {}
