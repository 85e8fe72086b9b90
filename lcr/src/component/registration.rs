//! What `#[lcr::component]` and `lcr::point!` register.
//!
//! `inventory` runs a constructor per registration when the image is mapped; it only
//! links a static into a list of that image.

use crate::abi::{point::Point, tables::Export};

/// One implementation of this image.
pub struct Registration(&'static Export);

inventory::collect!(Registration);

impl Registration {
    /// Registers `export` with this image.
    ///
    /// # Safety
    /// The manifest describes the export: the export's functions are those of the methods that the
    /// manifest lists, in that order, for the instances that `create` constructs. Every function
    /// keeps the contract that [`Export`] states. Hosts call the functions on that promise.
    pub const unsafe fn new(export: &'static Export) -> Registration {
        Registration(export)
    }

    /// The implementation.
    pub const fn export(&self) -> &'static Export {
        self.0
    }
}

/// A point of this image.
pub struct PointRegistration(&'static Point);

inventory::collect!(PointRegistration);

impl PointRegistration {
    /// Registers a point with this image.
    ///
    /// # Safety
    /// Who passes the point calls [`pass`](super::points::pass) with the variables that it describes.
    pub const unsafe fn new(point: &'static Point) -> PointRegistration {
        PointRegistration(point)
    }

    /// The point.
    pub const fn point(&self) -> &'static Point {
        self.0
    }
}
