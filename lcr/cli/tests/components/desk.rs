//! A desk whose methods the tests call by their names.

use std::sync::{Condvar, Mutex};

mod contract;
use contract::{Desk, Owner};

#[derive(Default)]
struct Table {
    is_released: Mutex<bool>,
    changed: Condvar,
}

#[lcr::component(name = "desk", version = "1.0.0")]
impl Desk for Table {
    fn price(&self, article: &str, count: u32) -> Result<u64, String> {
        if count > 0 { Ok(article.len() as u64 * u64::from(count)) } else { Err(format!("no {article}")) }
    }

    fn multiply(&self, values: &mut [u64], by: u64) -> u128 {
        values.iter_mut().for_each(|value| *value *= by);
        u128::MAX
    }

    fn owner(&self, code: &str) -> Option<Owner> {
        Some(Owner { name: "Ada".to_owned(), code: code.to_owned() })
    }

    fn wait(&self) {
        let released = self.is_released.lock().unwrap();
        drop(self.changed.wait_while(released, |released| !*released));
    }

    fn release(&self) {
        *self.is_released.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn ask(&self, question: &dyn Fn(u8) -> u8) -> u8 {
        question(1)
    }

    async fn later(&self, count: u64) -> u64 {
        if count == 0 {
            std::future::pending::<()>().await;
        }
        count + 1
    }
}
