//! A well of the edition that is async.

use lcr_tests::brook::well::later::Well;

#[derive(Default)]
struct Shaft;

#[lcr::component(name = "well", version = "1.1.0")]
impl Well for Shaft {
    async fn depths(&self, to: u32) -> u32 {
        to
    }
}
