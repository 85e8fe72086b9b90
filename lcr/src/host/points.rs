//! Points of components and of the program: [`Runtime::points`] lists them, and [`Runtime::at_point`] has closures run
//! where they are passed.
//!
//! Arming a point changes no world and needs no turn among transactions: it is one store into the point's word. What
//! is armed is one point of one image, so it ends with that version of its component: a replacement brings points of
//! its own, at which nothing is armed.

#[cfg(feature = "reflect")]
pub(crate) mod watch;

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
};

use crate::{
    abi::{
        crossing::Packed,
        point::{CHANGED, LEFT, Point},
        shape::Sink,
    },
    component::{
        generated::arguments::Arguments as _, identity::ComponentId, image as own_image, panic_barrier::drop_quietly,
        points::Locals,
    },
    error::{Error, ErrorKind, Result},
    shape::Shape,
};

use super::{
    image::{reader::Reader, shape},
    objects::{
        component::Component,
        instances::Instance,
        left_hooks::LeftHooks,
        patches::{self, Patch},
        points::{Disarmed, Look, TakenOut},
    },
    runtime::Runtime,
    service::{inner::RuntimeInner, state::State},
};

/// A point, as [`Runtime::points`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PointInfo {
    /// The component in whose library it is; `None` if it is linked into the program.
    pub component: Option<ComponentId>,
    /// Its name.
    pub name: String,
    /// The source file, as the compiler was given it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The variables, in the order in which they are shown, with their types.
    pub locals: Vec<(String, Shape)>,
    /// Whether a closure runs there, of this runtime.
    pub is_armed: bool,
}

impl fmt::Display for PointInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{} (", self.name, self.file, self.line)?;
        for (place, (name, shape)) in self.locals.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {shape}")?;
        }
        f.write_str(")")
    }
}

/// A point at which a closure is to run: see [`Runtime::at_point`].
#[must_use = "nothing runs at a point before `run` or `watch`"]
pub struct AtPoint<'rt> {
    runtime: &'rt Runtime,
    name: String,
    component: Option<String>,
    override_protected: bool,
}

impl fmt::Debug for AtPoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtPoint").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A point that is armed. Dropping the guard disarms it.
#[must_use = "dropping the guard disarms the point"]
pub struct ArmedAt {
    inner: Weak<RuntimeInner>,
    number: u64,
}

impl fmt::Debug for ArmedAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArmedAt").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Runtime {
    /// The [points](crate::point) of the components that are present, and those that are linked into the program. A
    /// point whose description is damaged is left out.
    pub fn points(&self) -> Vec<PointInfo> {
        let state = self.inner().state();
        let with_armed = |(component, point)| (component, point, state.objects().points().is_armed(point));
        let found: Vec<_> = present(&state).into_iter().map(with_armed).collect();
        // Calls that need the lock do not wait until all the shapes are read.
        drop(state);
        let described =
            found.iter().filter_map(|(component, point, is_armed)| describe(component.as_ref(), point, *is_armed).ok());
        described.collect()
    }

    /// Has a closure run where a [point](crate::point) is passed, until the guard is dropped.
    ///
    /// ```
    /// # fn double(n: u64) -> u64 {
    /// #     let mut twice = n * 2;
    /// #     lcr::point!("maths.double", twice: u64);
    /// #     twice
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let guard = rt.at_point("maths.double").run(|(twice,): &mut (u64,)| *twice += 1)?;
    /// assert_eq!(double(4), 9);
    /// drop(guard);
    /// assert_eq!(double(4), 8);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// The closure runs on the thread that passes the point: inside a call, or on a thread of the component's own. It
    /// may run on several at once. It gets clones of the variables, and what it makes of them becomes the
    /// variables. If it panics, that is logged, and the variables stay as they were. What it has captured is dropped
    /// once, on a thread of the runtime, when the guard is gone and no thread is inside.
    ///
    /// What is armed is the point of the version that is there now: when its component is replaced, the new one's is
    /// not. Nor is an older version's armed again by a rollback to a library that was loaded anew.
    pub fn at_point(&self, name: &str) -> AtPoint<'_> {
        AtPoint { runtime: self, name: name.to_owned(), component: None, override_protected: false }
    }
}

impl AtPoint<'_> {
    /// Which component's point is meant, if several have one of the name. Default: the only one that there is.
    pub fn of_component(mut self, component: &str) -> Self {
        self.component = Some(component.to_owned());
        self
    }

    /// Allows a closure to change variables of a protected component. At a point that is linked into the program, that
    /// is any component that is protected and linked into it, too: nothing says whose the point is. Default: it is
    /// refused.
    pub fn override_protected(mut self) -> Self {
        self.override_protected = true;
        self
    }

    /// Arms the point with a closure that gets the variables, and may change them. Their types are those that the
    /// point names, in order.
    ///
    /// # Errors
    /// `NotFound` if there is no such point; `Ambiguous` if there are several; `Mismatch` if its variables are of
    /// other types, with the first difference; `Protected` without an override; `Busy` if somebody has armed it
    /// already; `Closed` if the runtime is gone.
    pub fn run<L: Locals>(self, closure: impl Fn(&mut L) + Send + Sync + 'static) -> Result<ArmedAt> {
        let name = self.name.clone();
        self.arm(true, |info| {
            let wanted = shapes_of::<L>()?;
            refuse_other_types(info, &wanted)?;
            let closure = Box::new(closure);
            Ok(Arc::new(Typed { name, closure }))
        })
    }

    fn arm(self, changes: bool, look: impl FnOnce(&PointInfo) -> Result<Arc<dyn Look>>) -> Result<ArmedAt> {
        let inner = self.runtime.inner();
        let state = inner.state();
        let (component, point) = self.find(&state)?;
        let protected = protecting(&state, component.as_ref());
        let is_armed = state.objects().points().is_armed(point);
        drop(state);
        let info = describe(component.as_ref(), point, is_armed)?;
        if changes
            && !self.override_protected
            && let Some(protected) = &protected
        {
            let whose = match &info.component {
                Some(_) => "which is protected",
                None => "which is protected and linked into the program, as the point is",
            };
            let text = format!(
                "values at {info} may be those of component `{protected}`, {whose}; override_protected() allows to \
                 change them"
            );
            return Err(Error::new(ErrorKind::Protected, text));
        }
        let look = look(&info)?;
        let id = patches::id("point", 0);
        let keeper = Arc::new(Instance::of_hooks(LeftHooks::new(None, vec![Arc::clone(&look) as _]), &id));
        let mut state = inner.state();
        if inner.is_closed() {
            drop(state);
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone"));
        }
        let armed = state.objects_mut().points_mut().arm(point, component, look, Arc::clone(&keeper));
        drop(state);
        match armed {
            Ok(number) => {
                let overrode = protected.filter(|_| changes).map(|protected| protected.to_string());
                tracing::info!(point = %info, changes, overrode = overrode.as_deref(), "a point is armed");
                Ok(ArmedAt { inner: Arc::downgrade(inner), number })
            }
            Err(taken) => {
                drop(keeper);
                retire(inner, taken);
                Err(Error::new(ErrorKind::Busy, format!("{info} is armed already; drop the guard of that first")))
            }
        }
    }

    fn find(&self, state: &State) -> Result<(Option<Arc<Component>>, &'static Point)> {
        let of_component = |component: &Option<Arc<Component>>| match (&self.component, component) {
            (None, _) => true,
            (Some(wanted), found) => found.as_ref().is_some_and(|found| found.id.name == *wanted),
        };
        let all = present(state);
        let named = all
            .into_iter()
            .filter(|(component, point)| of_component(component) && point.name() == self.name.as_bytes());
        let mut named: Vec<_> = named.collect();
        let Some((component, point)) = named.pop() else {
            let text = format!("there is no point `{}`; Runtime::points lists those that there are", self.name);
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        if !named.is_empty() {
            let text = format!(
                "{} points are called `{}`; name their component by of_component, or call them differently",
                named.len() + 1,
                self.name
            );
            return Err(Error::new(ErrorKind::Ambiguous, text));
        }
        Ok((component, point))
    }
}

impl Drop for ArmedAt {
    fn drop(&mut self) {
        let Some(inner) = self.inner.upgrade() else { return };
        let taken = inner.state().objects_mut().points_mut().disarm(self.number);
        if let Some(taken) = taken {
            retire(&inner, taken);
        }
    }
}

/// Has what was armed dropped on a thread of the runtime, once no thread is inside.
fn retire(inner: &RuntimeInner, taken: TakenOut) {
    let Disarmed { keeper, hook, component } = taken.end();
    let mut state = inner.state();
    if let Some(hook) = hook {
        state.objects_mut().points_mut().give_back(hook);
    }
    if let Some(keeper) = keeper {
        state.retire_closure(keeper);
    }
    drop(state);
    drop(component);
    inner.wake_reaper();
}

/// Every point that there is, with its component if that has an image of its own.
fn present(state: &State) -> Vec<(Option<Arc<Component>>, &'static Point)> {
    let mut components: Vec<&Arc<Component>> = Vec::new();
    for implementation in state.objects().registry().implementations() {
        let component = &implementation.component;
        if !components.iter().any(|other| Arc::ptr_eq(other, component)) {
            components.push(component);
        }
    }
    let of_program = own_image::points().iter().map(|point| (None, *point));
    let of_images = components.into_iter().flat_map(|component| {
        let points = component.origin.as_ref().map(|origin| origin.image.points()).unwrap_or_default();
        points.into_iter().map(|point| (Some(Arc::clone(component)), point))
    });
    of_program.chain(of_images).collect()
}

/// A protected component whose values a point may have: one in the image of the point, or one that a patch of the image
/// is on, also if the patch rests. The image is that of the component, or the program's own, and there nothing says
/// which of the components that are linked into it a point belongs to.
fn protecting(state: &State, component: Option<&Arc<Component>>) -> Option<ComponentId> {
    let mut implementations = state.objects().registry().implementations();
    let in_image = |of: &Arc<Component>| component.map_or(of.origin.is_none(), |component| Arc::ptr_eq(of, component));
    let found = implementations.find(|found| found.manifest.protected && in_image(&found.component));
    let id = found.map(|found| found.component.id.clone());
    id.or_else(|| {
        let component = component?;
        let is_of_image = |patch: &&Arc<Patch>| {
            patch.library.as_ref().is_some_and(|library| Arc::ptr_eq(&library.component, component))
        };
        let patches = state.objects().patches().stack().iter().filter(is_of_image);
        let present = patches.flat_map(|patch| state.component_now(&patch.component).0);
        present.filter(|present| present.manifest.protected).map(|present| present.component.id.clone()).next()
    })
}

fn describe(component: Option<&Arc<Component>>, point: &Point, is_armed: bool) -> Result<PointInfo> {
    let mut reader = Reader::of("description of a point", point.locals());
    let mut locals = Shape::decode_method(&mut reader)?;
    locals.read_secrets(&mut reader)?;
    reader.end()?;
    let locals = locals.parts.iter().filter(|part| part.name != "->");
    Ok(PointInfo {
        component: component.map(|component| component.id.clone()),
        name: String::from_utf8_lossy(point.name()).into_owned(),
        file: String::from_utf8_lossy(point.file()).into_owned(),
        line: point.line,
        locals: locals.map(|part| (part.name.clone(), part.shape.clone())).collect(),
        is_armed,
    })
}

/// The shapes of the types that a closure names, as a host decodes them.
fn shapes_of<L: Locals>() -> Result<Vec<Shape>> {
    let decoded = L::SHAPES.iter().map(|shape| {
        let mut sink = Sink::new(&mut []);
        sink.shape(shape);
        let mut bytes = vec![0; sink.len()];
        Sink::new(&mut bytes).shape(shape);
        Shape::decode_memory(&mut Reader::of("shape", &bytes))
    });
    decoded.collect()
}

fn refuse_other_types(info: &PointInfo, wanted: &[Shape]) -> Result<()> {
    let refuse = |why: String| Err(Error::new(ErrorKind::Mismatch, format!("the closure does not fit {info}: {why}")));
    if info.locals.len() != wanted.len() {
        return refuse(format!("it takes {} variables, and the point has {}", wanted.len(), info.locals.len()));
    }
    for ((name, found), wanted) in info.locals.iter().zip(wanted) {
        if let Some(difference) = shape::compare(wanted, found) {
            return refuse(format!("`{name}` is `{found}`, not `{wanted}`: {difference}"));
        }
    }
    Ok(())
}

/// A closure of the types of a point's variables.
struct Typed<L> {
    name: String,
    closure: Box<dyn Fn(&mut L) + Send + Sync>,
}

// SAFETY: `arm` has compared the shapes. Lifting takes the representations, and what replaces them is written last; if
// anything between unwinds, they are gone.
unsafe impl<L: Locals> Look for Typed<L> {
    unsafe fn run(&self, locals: Packed) -> u8 {
        // SAFETY: the caller passes the variables of the point.
        let reprs = unsafe { L::Reprs::unpack(locals) };
        // SAFETY: they were lowered as types of these shapes.
        let mut values = unsafe { L::lift(reprs) };
        let ran = contained(&self.name, || (self.closure)(&mut values));
        // SAFETY: the places are those of representations of these types.
        unsafe { values.put(locals) };
        if ran { CHANGED } else { LEFT }
    }
}

/// Runs a closure of the program's. Returns whether it returned.
fn contained(point: &str, run: impl FnOnce()) -> bool {
    let Err(payload) = catch_unwind(AssertUnwindSafe(run)) else { return true };
    // A subscriber may panic, too.
    drop(catch_unwind(AssertUnwindSafe(|| {
        tracing::error!(point, "a closure at a point panicked: {}", message(&*payload));
    })));
    drop_quietly(payload);
    false
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&'static str>().copied()).unwrap_or("no message")
}
