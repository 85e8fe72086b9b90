#[lcr::interface(name = "kv", version = 1)]
trait Store {
    fn generic<T: Copy>(&self, value: T);
    fn sized<const N: usize>(&self, value: [u8; N]);
    fn bounded(&self)
    where
        u8: Copy;
    fn argument(&self, value: impl Copy);
    fn result(&self) -> impl Copy;
    async fn later(&self) -> &str;
    async fn lent(&self, f: &dyn Fn(u8));
    unsafe fn unchecked(&self);
    extern "C" fn foreign(&self);
    #[cfg(unix)]
    fn conditional(&self);
    fn pair(&self, (a, b): (u8, u8));
    fn thirteen(
        &self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8, m: u8,
    );
    fn twice(&self);
    fn twice(&self, times: u8);
}

fn main() {}
