#[lcr::interface(name = "watch", version = 1)]
trait Watch {
    fn changing(&self, f: &mut dyn FnMut(u8));
    fn changing_shared(&self, f: &dyn FnMut(u8));
    fn once(&self, f: Box<dyn FnOnce(u8) + Send>);
    fn local(&self, f: Box<dyn Fn(u8)>);
    fn bounded(&self, f: Box<dyn Fn(u8) + Send + Unpin>);
    fn nested(&self, f: Option<&dyn Fn(u8)>);
    fn within(&self, f: &dyn Fn(&dyn Fn()));
    fn borrowing(&self, f: &dyn Fn(&str) -> &str);
    fn keeping<'a>(&self, f: &dyn Fn(&'a str));
}

fn main() {}
