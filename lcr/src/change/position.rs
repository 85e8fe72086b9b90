//! Where a patch stands among others.

/// Where a patch stands among those of its component's interface. A call meets them from the first to the last, until
/// one of them answers; then comes the component.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// Before all that are there, so that it sees each call first.
    #[default]
    First,
    /// Behind all that are there, next to the component.
    Last,
    /// Right before the patch of this name.
    Above(String),
    /// Right behind the patch of this name.
    Below(String),
}
