use std::borrow::Cow;

#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn borrowed(&self) -> &str;
    fn promised(&self) -> &'static str;
    fn within(&self) -> Option<(u8, &[u8])>;
    fn either(&self) -> Cow<'_, str>;
    fn callback(&self) -> Box<dyn Fn() + Send>;
    fn own(&self) -> Self;
}

fn main() {}
