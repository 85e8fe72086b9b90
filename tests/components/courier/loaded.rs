//! A component that runs inside the tokio runtime of its image, as a library.

mod post;
