macro_rules! number {
    () => {
        u64
    };
}

#[lcr::interface(name = "journal", version = 1)]
trait Journal {
    fn append(&self, line: &str);
}

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn pointer(&self, at: *const u8);
    fn function(&self, f: fn(u8) -> u8);
    fn own(&self, other: Self);
    fn changed(&self, value: &mut u64);
    fn object(&self, journal: &dyn Journal);
    fn boxed(&self, journal: Box<dyn Journal>);
    fn forever(&self, name: &'static str);
    fn generated(&self, value: number!());
}

fn main() {}
