#[lcr::interface(name = "kv.watch", version = 1)]
trait Watch: Send {
    fn each(&self, prefix: &str, f: &dyn Fn(&str, u64) -> bool);
    fn watch<'a>(&'a self, mut view: View<'a>, call: Box<dyn for<'x> Fn(&'x str) + Send>) -> u64 {
        view.advance();
        call(view.key);
        0
    }
}
