//! The component. Edit it while the program runs, and replace it: the count stays.

use {{crate}}_interface::Greeter;

#[derive(Default)]
pub struct English {
    greeted: lcr::State<u64>,
}

#[lcr::component(state = greeted)]
impl Greeter for English {
    fn greet(&self, name: &str) -> String {
        *self.greeted.write() += 1;
        format!("hello, {name}")
    }

    fn greeted(&self) -> u64 {
        *self.greeted.read()
    }
}
