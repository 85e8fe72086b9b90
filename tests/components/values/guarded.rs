//! Every kind of value, with an allocator of its own that notices what is not its own.

use lcr_tests::{guarded::Guarded, values::contract::Audit};

mod served;

#[global_allocator]
static ALLOCATOR: Guarded = Guarded::new();

/// What the allocator counted.
#[derive(Default)]
pub struct Books;

#[lcr::component(name = "values", version = "1.0.0")]
impl Audit for Books {
    fn live(&self) -> u64 {
        ALLOCATOR.live()
    }
    fn wrong_frees(&self) -> u64 {
        ALLOCATOR.wrong_frees()
    }
}
