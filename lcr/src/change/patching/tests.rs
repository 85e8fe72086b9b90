//! Patches of several components at once.

use crate::{Handle, Runtime};

#[lcr::interface(name = "patching.bell", version = 1, patches)]
trait Bell {
    fn ring(&self) -> u64;
}

#[lcr::interface(name = "patching.door", version = 1, patches)]
trait Door {
    fn knock(&self) -> u64;
}

#[derive(Default)]
struct Brass;

#[lcr::component(name = "patching-brass", version = "1.0.0")]
impl Bell for Brass {
    fn ring(&self) -> u64 {
        1
    }
}

#[derive(Default)]
struct Oak;

#[lcr::component(name = "patching-oak", version = "1.0.0")]
impl Door for Oak {
    fn knock(&self) -> u64 {
        2
    }
}

#[test]
fn a_patch_of_another_component_leaves_the_hooks_that_the_world_shows() {
    let rt = Runtime::new().unwrap();
    let (bell, door): (Handle<dyn Bell>, Handle<dyn Door>) = (rt.service().unwrap(), rt.service().unwrap());
    let shown = || rt.inner().state().objects().patches().shown();
    let first = rt.patch::<dyn Bell>("loud").methods(|m| m.ring(|next| next() * 10)).commit().unwrap();
    assert_eq!(shown(), 1);
    let second = rt.patch::<dyn Door>("twice").methods(|m| m.knock(|next| next() * 2)).commit().unwrap();
    assert_eq!(shown(), 2, "the current world shows both");
    assert_eq!((bell.ring(), door.knock()), (10, 4));
    drop(second);
    assert_eq!((shown(), bell.ring(), door.knock()), (1, 10, 2));
    drop(first);
    assert_eq!((shown(), bell.ring()), (0, 1));
}
