//! A route without state.

mod interface;
use interface::{Reply, Route};
use lcr::Fault;

#[derive(Default)]
struct Greeting;

#[lcr::component(name = "greeting", version = "1.0.0")]
impl Route for Greeting {
    async fn answer(&self, rest: &str) -> Result<Reply, Fault> {
        Ok(Reply { status: 200, body: format!("hello, {rest}\n") })
    }
}
