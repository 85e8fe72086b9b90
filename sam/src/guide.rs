//! The user's guide: a page for each question, in the order in which the questions arise. The crate
//! page has the table of contents. `sam::tokio` (feature `tokio`) is the page for servers on tokio.

/// Includes each page as a module of its name.
macro_rules! pages {
    ($($page:ident)*) => {
        $(
            #[doc = include_str!(concat!("../docs/", stringify!($page), ".md"))]
            pub mod $page {}
        )*
    };
}

pages! {
    first_service
    health
    what_survives
    graceful_stop
    under_systemd
    in_a_container
    c
    options
    defaults
}
