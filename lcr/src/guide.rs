//! The user's guide: one page for each question, in the order in which the questions arise. The
//! [crate page](crate#guide) has the table of contents.

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
    first_component
    values
    state
    many_components
    threads
    with_tokio
    async_methods
    background_work
    what_is_not_shared
    logs
    plugin_folders
    testing
    operating
    patches
    trials
    history
    soundness
}

#[cfg(feature = "reflect")]
#[doc = include_str!("../docs/watching.md")]
pub mod watching {}

#[cfg(feature = "control")]
#[doc = include_str!("../docs/control.md")]
pub mod control {}
