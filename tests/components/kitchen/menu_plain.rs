//! A menu of the edition that is not async.

use lcr_tests::kitchen::menu::plain::Menu;

#[derive(Default)]
struct Card;

#[lcr::component(name = "menu", version = "1.1.0")]
impl Menu for Card {
    fn price(&self, dish: &str) -> u32 {
        dish.len().try_into().unwrap_or(u32::MAX)
    }
}
