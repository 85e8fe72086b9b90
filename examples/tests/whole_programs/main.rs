//! The programs, as a user runs them. Those that sam supervises have a test binary of their own: they tell hangs by
//! time, and `live_kv` leaves no processor to them.

mod live_kv;
mod small;
