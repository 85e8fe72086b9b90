//! A desk that asks too much for ink, and panics for want of a pen.

mod contract;
use contract::{Desk, Owner};

#[derive(Default)]
struct Table;

#[lcr::component(name = "desk", version = "2.0.0")]
impl Desk for Table {
    fn price(&self, article: &str, count: u32) -> Result<u64, String> {
        match (article, count) {
            ("pen", 0) => panic!("no pen"),
            (_, 0) => Err(format!("no {article}")),
            ("ink", _) => Ok(1_000),
            _ => Ok(article.len() as u64 * u64::from(count)),
        }
    }

    fn multiply(&self, values: &mut [u64], by: u64) -> u128 {
        values.iter_mut().for_each(|value| *value *= by);
        u128::MAX
    }

    fn owner(&self, code: &str) -> Option<Owner> {
        Some(Owner { name: "Grace".to_owned(), code: code.to_owned() })
    }

    fn wait(&self) {}

    fn release(&self) {}

    fn ask(&self, question: &dyn Fn(u8) -> u8) -> u8 {
        question(2)
    }

    async fn later(&self, count: u64) -> u64 {
        count + 2
    }
}
