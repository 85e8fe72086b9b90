//! A well of the first edition.

use lcr::Stream;
use lcr_tests::{brook::well::first::Well, kitchen::give_way};

#[derive(Default)]
struct Shaft;

#[lcr::component(name = "well", version = "1.0.0")]
impl Well for Shaft {
    fn depths(&self, to: u32) -> impl Stream<Item = u32> + Send {
        futures_util::stream::unfold(1, move |depth| async move {
            give_way().await;
            (depth <= to).then_some((depth, depth + 1))
        })
    }
}
