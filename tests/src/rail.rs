//! A railway whose track changes its version, and with it the train that needs it.

use lcr::Handle;

/// The first version of the track.
pub mod narrow {
    /// A track that trains roll over. Its state is how often they did.
    #[lcr::interface(name = "rail.track", version = 1)]
    pub trait Track {
        /// Returns 1000, or 1520 if the track serves both versions.
        fn gauge(&self) -> u32;
        /// Rolls over the track, and returns how often trains did.
        fn roll(&self) -> u64;
    }
}

/// The second version, which does not replace the first.
pub mod broad {
    /// A track that trains roll over. Its state is how often they did.
    #[lcr::interface(name = "rail.track", version = 2)]
    pub trait Track {
        /// Returns the gauge as the first version does, for a component that serves both.
        fn gauge(&self) -> u32;
        /// Rolls over the track, and returns how often trains did.
        fn roll(&self) -> u64;
        /// Returns what the first version calls the gauge.
        fn width(&self) -> u32;
    }
}

/// Another first version, of another signature.
pub mod wide {
    /// A track that no train rolls over.
    #[lcr::interface(name = "rail.track", version = 1)]
    pub trait Track {
        /// Returns the gauge.
        fn gauge(&self) -> u64;
        /// Rolls over the track.
        fn roll(&self) -> u64;
    }
}

/// A handle on a narrow track.
pub type Narrow = Handle<dyn narrow::Track>;

/// A train that needs a track of the version that it was built for. Its state is the number of rides.
#[lcr::interface(name = "rail.train", version = 1)]
pub trait Train {
    /// Reads the track's gauge, calls back, rolls over the track, and reads its gauge again. Returns the gauge
    /// that the train was built for, and the two that it read.
    fn ride(&self, f: &dyn Fn()) -> [u32; 3];
    /// Returns the number of rides.
    fn rides(&self) -> u64;
    /// Returns the gauge that the train found while it was constructed.
    fn built_on(&self) -> u32;
    /// Returns its track, if that is a narrow one.
    fn lend(&self) -> Option<Narrow>;
}
