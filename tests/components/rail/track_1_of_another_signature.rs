//! A track of the first version that no train was built for.

use lcr_tests::rail::wide::Track;

/// A track that no train rolls over.
#[derive(Default)]
pub struct Rails;

#[lcr::component(name = "track", version = "1.5.0")]
impl Track for Rails {
    fn gauge(&self) -> u64 {
        9000
    }
    fn roll(&self) -> u64 {
        0
    }
}
