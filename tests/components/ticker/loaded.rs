//! A component with a tokio runtime of its own, as a library.

mod alarm;
