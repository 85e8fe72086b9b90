//! A railway whose track changes its version, and with it the train that needs it.

use lcr::Handle;

/// The first version of the track.
pub mod narrow {
    /// What trains run on; its state is how often.
    #[lcr::interface(name = "rail.track", version = 1)]
    pub trait Track {
        /// 1000 or, of the second version, 1520.
        fn gauge(&self) -> u32;
        /// Runs over it; returns how often that was.
        fn roll(&self) -> u64;
    }
}

/// The second version, which does not replace the first.
pub mod broad {
    /// What trains run on; its state is how often.
    #[lcr::interface(name = "rail.track", version = 2)]
    pub trait Track {
        /// As in the first version, for a component that serves both.
        fn gauge(&self) -> u32;
        /// Runs over it; returns how often that was.
        fn roll(&self) -> u64;
        /// What the first version calls the gauge.
        fn width(&self) -> u32;
    }
}

/// Another first version, of another signature.
pub mod wide {
    /// What nobody runs on.
    #[lcr::interface(name = "rail.track", version = 1)]
    pub trait Track {
        /// Its gauge.
        fn gauge(&self) -> u64;
        /// Runs over it.
        fn roll(&self) -> u64;
    }
}

/// A narrow track in somebody's hands.
pub type Narrow = Handle<dyn narrow::Track>;

/// Runs on a track of the version that it was built for; its state is how often.
#[lcr::interface(name = "rail.train", version = 1)]
pub trait Train {
    /// Looks at the track, calls back, rolls over it and looks again. The first is the
    /// train's own gauge.
    fn ride(&self, f: &dyn Fn()) -> [u32; 3];
    /// How often it rode.
    fn rides(&self) -> u64;
    /// The gauge that it found while it was constructed.
    fn built_on(&self) -> u32;
    /// Its track, if it is a narrow one.
    fn lend(&self) -> Option<Narrow>;
}
