//! A menu of the first edition.

use lcr_tests::kitchen::{give_way, menu::first::Menu};

#[derive(Default)]
struct Card;

#[lcr::component(name = "menu", version = "1.0.0")]
impl Menu for Card {
    async fn price(&self, dish: &str) -> u32 {
        give_way().await;
        dish.len().try_into().unwrap_or(u32::MAX)
    }
}
