//! Points that are watched by shape: whoever looks needs not know the types of the variables.

use std::{fmt, sync::Arc};

use crate::{
    abi::{crossing::Packed, point::LEFT},
    error::Result,
    host::{
        objects::points::Look,
        reflect::{text::text, types::Type, view::At},
    },
    shape::Shape,
};

use super::{ArmedAt, AtPoint, contained};

/// How many bytes of a variable are shown.
const SHOWN: usize = 1_024;

/// The variables of a point that is passed, in words: what [`AtPoint::watch`] gives.
///
/// `Display` writes `name = value, name = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointValues {
    values: Vec<(String, String)>,
}

impl PointValues {
    /// The names of the variables with their values, as `{:?}` prints them, of 1,024 bytes each at most. In the place
    /// of a field with `#[abi(secret)]` is `***`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl fmt::Display for PointValues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (name, value)) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name} = {value}")?;
        }
        Ok(())
    }
}

impl AtPoint<'_> {
    /// Arms the point with a closure that gets the variables as texts, and changes nothing. Their types need not be
    /// known. A protected component's point is watched without an override.
    ///
    /// # Errors
    /// As for [`AtPoint::run`], without `Mismatch` and `Protected`.
    pub fn watch(self, closure: impl Fn(&PointValues) + Send + Sync + 'static) -> Result<ArmedAt> {
        let name = self.name.clone();
        self.arm(false, |info| {
            for (_, shape) in &info.locals {
                Type::of(shape)?;
            }
            Ok(Arc::new(Watching { name, locals: info.locals.clone(), closure: Box::new(closure) }))
        })
    }
}

/// A closure that gets texts.
struct Watching {
    name: String,
    locals: Vec<(String, Shape)>,
    closure: Box<dyn Fn(&PointValues) + Send + Sync>,
}

// SAFETY: nothing is taken or changed.
unsafe impl Look for Watching {
    unsafe fn run(&self, locals: Packed) -> u8 {
        contained(&self.name, || {
            let shown = self.locals.iter().enumerate().map(|(place, (name, shape))| {
                let value = match Type::of(shape) {
                    Ok(ty) => {
                        // SAFETY: there are as many variables.
                        let at = unsafe { locals.add(place) };
                        // SAFETY: as above.
                        let at = unsafe { at.read() };
                        // SAFETY: a representation of that shape lies there, for as long as this runs.
                        text(unsafe { At::new(&ty, at) }, SHOWN)
                    }
                    Err(error) => error.to_string(),
                };
                (name.clone(), value)
            });
            let values = shown.collect();
            (self.closure)(&PointValues { values });
        });
        LEFT
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{ErrorKind, Runtime};

    fn pack(name: &str, weights: &[u32]) -> u64 {
        let (mut name, mut weights) = (name.to_owned(), weights.to_vec());
        crate::point!("watch.pack", name: String, weights: Vec<u32>);
        name.len() as u64 + weights.iter().map(|weight| u64::from(*weight)).sum::<u64>()
    }

    #[test]
    fn whoever_watches_a_point_gets_texts_changes_nothing_and_need_not_know_the_types() {
        let rt = Runtime::builder().linked(false).build().unwrap();
        let seen: Arc<Mutex<Vec<PointValues>>> = Arc::default();
        let sees = Arc::clone(&seen);
        let watched = rt.at_point("watch.pack").watch(move |values| sees.lock().unwrap().push(values.clone())).unwrap();
        assert_eq!(pack("tea", &[1, 2]), 6);
        let busy = rt.at_point("watch.pack").watch(|_| {}).unwrap_err();
        assert_eq!(busy.kind(), ErrorKind::Busy);
        drop(watched);
        assert_eq!(pack("tea", &[1, 2]), 6);
        let seen = seen.lock().unwrap();
        let [values] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(values.to_string(), "name = \"tea\", weights = [1, 2]");
        assert_eq!(values.iter().next(), Some(("name", "\"tea\"")));
    }

    #[derive(Clone, lcr::Abi)]
    struct Login {
        name: String,
        #[abi(secret)]
        word: String,
    }

    fn sign_in(count: u32, login: &Login) -> usize {
        let (mut count, mut logins, mut last) = (count, vec![login.clone()], Some((1, login.clone())));
        crate::point!("watch.login", count: u32, logins: Vec<Login>, last: Option<(u8, Login)>);
        let last = last.map_or(0, |(_, login)| login.name.len() + login.word.len());
        count as usize + logins.len() + last
    }

    #[test]
    fn whoever_watches_a_point_is_not_shown_secrets() {
        let rt = Runtime::builder().linked(false).build().unwrap();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let sees = Arc::clone(&seen);
        let closure = move |values: &PointValues| sees.lock().unwrap().push(values.to_string());
        let watched = rt.at_point("watch.login").watch(closure).unwrap();
        let login = Login { name: "ann".to_owned(), word: "hunter2".to_owned() };
        assert_eq!(sign_in(1, &login), 12);
        drop(watched);
        let shown = "Login { name: \"ann\", word: *** }";
        assert_eq!(*seen.lock().unwrap(), [format!("count = 1, logins = [{shown}], last = Some((1, {shown}))")]);
        // Secrets are no part of the types that a closure names.
        let armed = rt.at_point("watch.login").run(|(count, ..): &mut (u32, Vec<Login>, Option<(u8, Login)>)| {
            *count += 1;
        });
        let armed = armed.unwrap();
        assert_eq!(sign_in(1, &login), 13);
        drop(armed);
    }

    #[lcr::interface(name = "points.lock", version = 1)]
    trait Lock {
        fn turn(&self) -> u64;
    }

    #[derive(Default)]
    struct Iron;

    #[lcr::component(name = "points-iron", version = "1.0.0", protected)]
    impl Lock for Iron {
        fn turn(&self) -> u64 {
            let mut turns: u64 = 1;
            crate::point!("points.turn", turns: u64);
            turns
        }
    }

    #[test]
    fn a_protected_component_that_is_linked_is_not_changed_at_its_points_without_the_override() {
        let rt = Runtime::new().unwrap();
        let lock = rt.service::<dyn Lock>().unwrap();
        let at = || rt.at_point("points.turn");
        let error = at().run(|(turns,): &mut (u64,)| *turns = 2).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Protected && error.to_string().contains("linked into the program"),
            "{error}"
        );
        drop(at().watch(|_| {}).unwrap());
        assert_eq!(lock.turn(), 1);
        let armed = at().override_protected().run(|(turns,): &mut (u64,)| *turns = 2).unwrap();
        assert_eq!(lock.turn(), 2);
        drop(armed);
    }

    #[test]
    fn a_watching_closure_that_panics_changes_nothing() {
        fn pass() -> u64 {
            let mut number: u64 = 7;
            crate::point!("watch.panics", number: u64);
            number
        }
        let rt = Runtime::builder().linked(false).build().unwrap();
        let watched = rt.at_point("watch.panics").watch(|_| panic!("the closure is wrong")).unwrap();
        assert_eq!((pass(), pass()), (7, 7));
        drop(watched);
    }
}
