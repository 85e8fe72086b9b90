//! Who is there: [`registry`] knows which components provide what, [`instances`] what was built,
//! [`slots`] what handles point to, [`services`] gives handles out, [`builders`] knows which thread
//! constructs what, [`uncommitted`] what a transaction has made and not committed, and [`order`]
//! sorts by dependency.

pub(in crate::host) mod builders;
pub(crate) mod instances;
pub(crate) mod order;
pub(crate) mod registry;
pub(in crate::host) mod services;
pub(crate) mod slots;
pub(crate) mod uncommitted;
