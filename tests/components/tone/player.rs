//! A component that needs private libraries, which its run path looks for beside it.

use lcr_tests::interfaces::Tone;

#[link(name = "tone")]
unsafe extern "C" {
    safe fn tone_build() -> i32;
    safe fn tone_overtone() -> i32;
    safe fn tone_next() -> i32;
}

#[link(name = "hum")]
unsafe extern "C" {
    safe fn hum_build() -> i32;
}

/// Has no state.
#[derive(Default)]
pub struct Player;

#[lcr::component(name = "player", version = "1.0.0")]
impl Tone for Player {
    fn builds(&self) -> [i32; 3] {
        [tone_build(), tone_overtone(), hum_build()]
    }
    fn next(&self) -> i32 {
        tone_next()
    }
}
