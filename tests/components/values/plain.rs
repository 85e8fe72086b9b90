//! Every kind of value, with the system's allocator.

mod served;
