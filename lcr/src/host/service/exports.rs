//! Handles on exports: a method, or a closure that was added while the program runs, called by its name and type.
//!
//! What is asked for is compared by shape with what is there, so a handle's calls pass what the callee expects, whoever
//! wrote the callee. There are two kinds, and what a handle holds differs:
//!
//! - *A method of the component's interfaces.* The handle holds a slot, as a [`Handle`](crate::Handle) does, and calls
//!   through it ([`packed`](super::packed)): it survives a replacement, is seen by drain, meets gate and patches, and
//!   its faults name the component. A successor that has the method with another signature is refused while the handle
//!   lives, as for every slot.
//! - *An export that was [added](crate::Runtime::add_export).* The handle has a count of the closure, and nothing else
//!   of the component. It asks at each call whether the export stands; a call that has begun goes on when the export is
//!   taken off, since the handle, which the call borrows, keeps the closure. If an export of the same name is added
//!   later, that serves who asks then: this handle keeps to its own.
//!
//! An argument belongs to the callee from the moment at which it is called; before that, what is refused drops the
//! arguments here. A result is read while what made it cannot go away: inside the frame of a method's call, or while
//! the handle has its count.

use std::{
    fmt,
    marker::PhantomData,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    slice,
    sync::{Arc, Weak},
};

use crate::{
    abi::{
        crossing::Packed,
        fault::{FaultKind, Outcome},
        value::Abi,
    },
    component::{
        fault::{Fault, Origin},
        generated::{arguments::Arguments as _, lists::each_beginning},
        panic_barrier::drop_quietly,
        signature::{Parameter, Signature},
    },
    error::{Error, ErrorKind, Result},
    host::{
        image::shape::{self, Shape},
        objects::{
            left_hooks::LeftHooks,
            patches::{Exported, id},
        },
    },
};

use super::{inner::RuntimeInner, packed::PackedMethod};

/// A method or added export of a component, which is called by its name and the type `S`:
/// see [`Runtime::export`](crate::Runtime::export).
pub struct Export<S> {
    way: Way,
    component: String,
    name: String,
    signature: PhantomData<fn() -> S>,
}

enum Way {
    Method(PackedMethod),
    Added(Counted),
}

/// A count of an added export, which the reaper gets.
struct Counted {
    export: Option<Arc<Exported>>,
    inner: Weak<RuntimeInner>,
}

impl<S> fmt::Debug for Export<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export").field("component", &self.component).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(export) = self.export.take() else { return };
        if let Some(inner) = self.inner.upgrade().filter(|inner| !inner.is_closed()) {
            let name = id("export", 0);
            inner.state().retire_hooks(LeftHooks::new(None, vec![export]), &name, Vec::new());
            inner.wake_reaper();
            return;
        }
        // The runtime is gone, and its threads with it.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(export))) {
            drop_quietly(payload);
        }
    }
}

impl RuntimeInner {
    /// The export of that name and type.
    ///
    /// # Errors
    /// See [`Runtime::export`](crate::Runtime::export).
    pub(crate) fn export<S: Signature>(self: &Arc<RuntimeInner>, component: &str, name: &str) -> Result<Export<S>> {
        let way = match self.added_export::<S>(component, name)? {
            Some(export) => Way::Added(Counted { export: Some(export), inner: Arc::downgrade(self) }),
            None => Way::Method(self.method_as::<S>(component, name)?),
        };
        Ok(Export { way, component: component.to_owned(), name: name.to_owned(), signature: PhantomData })
    }

    fn added_export<S: Signature>(&self, component: &str, name: &str) -> Result<Option<Arc<Exported>>> {
        let state = self.state();
        if state.objects.registry().of_component(component).is_empty() {
            let text = format!("component `{component:.200}` is not there, so it exports nothing");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let Some(export) = state.objects.patches().exported(component, name) else { return Ok(None) };
        // The list has another count, so none is dropped here.
        refuse_other_type::<S>(component, name, &export.shape)?;
        Ok(Some(Arc::clone(export)))
    }

    fn method_as<S: Signature>(self: &Arc<RuntimeInner>, component: &str, name: &str) -> Result<PackedMethod> {
        let (interface, method) = match name.rsplit_once('.') {
            Some((interface, method)) => (interface.to_owned(), method),
            None => (self.only_interface_with(component, name)?, name),
        };
        let found = self.find_method(&interface, Some(component), method)?;
        // First, so that nothing is constructed for an export that is refused.
        refuse_other_type::<S>(component, method, &found.method().shape)?;
        self.refer_to(found)
    }

    /// The interface of a component that has the method, if there is one.
    fn only_interface_with(&self, component: &str, method: &str) -> Result<String> {
        let state = self.state();
        let registry = state.objects.registry();
        let present = registry.of_component(component).iter().filter_map(|&id| registry.get(id));
        let present = present.filter(|provider| provider.is_committed()).map(|provider| provider.implementation());
        let mut having = present.filter(|present| present.manifest.method(method).is_some());
        match (having.next(), having.next()) {
            (Some(only), None) => Ok(only.manifest.interface.clone()),
            (None, _) => {
                let text =
                    format!("component `{component}` exports no `{method:.200}`; Runtime::exports lists what it does");
                Err(Error::new(ErrorKind::NotFound, text))
            }
            (Some(one), Some(other)) => {
                let [one, other] = [one, other].map(|present| format!("`{}.{method}`", present.manifest.interface));
                let text = format!("component `{component}` has several methods `{method}`; ask for {one} or {other}");
                Err(Error::new(ErrorKind::Ambiguous, text))
            }
        }
    }
}

fn refuse_other_type<S: Signature>(component: &str, name: &str, found: &Shape) -> Result<()> {
    let wanted = Shape::of_signature(name, S::PARTS)?;
    let Some(difference) = shape::compare(&wanted, found) else { return Ok(()) };
    let text =
        format!("component `{component}` has another `{name}`: it is `{found}`, asked for as `{wanted}`: {difference}");
    Err(Error::new(ErrorKind::Mismatch, text))
}

impl<S: Signature> Export<S> {
    fn invoke(&self, reprs: S::Reprs) -> std::result::Result<S::Result, Fault> {
        match &self.way {
            Way::Method(method) => self.call_method(method, reprs),
            Way::Added(counted) => match counted.export.as_deref().filter(|export| export.stands()) {
                Some(export) => self.call_added(export, reprs),
                None => {
                    // SAFETY: the caller lowered them, and nothing else uses them.
                    unsafe { S::discard(reprs) };
                    Err(self.fault(FaultKind::Withdrawn, "the export was taken off".to_owned(), None))
                }
            },
        }
    }

    fn call_method(&self, method: &PackedMethod, reprs: S::Reprs) -> std::result::Result<S::Result, Fault> {
        let read = |at: *mut ()| {
            // SAFETY: the shapes were compared, so this is the result's representation.
            let repr = unsafe { at.cast::<<S::Result as Abi>::Repr>().read() };
            // SAFETY: the representation is used once.
            unsafe { <S::Result as Abi>::from_repr(repr) }
        };
        let called = reprs.pack(|packed: Packed| {
            // SAFETY: there are as many pointers as arguments, which are the parts but for the result.
            let places = unsafe { slice::from_raw_parts(packed, S::PARTS.len() - 1) };
            // SAFETY: the shapes were compared, and the arguments live for the call.
            unsafe { method.call(places, read) }
        });
        called.map_err(|refused| {
            if !refused.took_arguments {
                // SAFETY: they are still the caller's, and nothing else uses them.
                unsafe { S::discard(reprs) };
            }
            refused.fault
        })
    }

    fn call_added(&self, export: &Exported, reprs: S::Reprs) -> std::result::Result<S::Result, Fault> {
        let mut out = MaybeUninit::<Outcome<<S::Result as Abi>::Repr>>::uninit();
        // SAFETY: the shapes were compared, and there is room for the outcome.
        reprs.pack(|packed| unsafe { export.call(packed, out.as_mut_ptr().cast()) });
        // SAFETY: the call wrote the outcome.
        let outcome = unsafe { out.assume_init() };
        // SAFETY: the outcome is that of the call, and is taken once.
        match unsafe { outcome.into_result() } {
            // SAFETY: as above.
            Ok(repr) => Ok(unsafe { <S::Result as Abi>::from_repr(repr) }),
            Err((kind, message, beginning)) => {
                Err(self.fault(kind, message, beginning.and_then(|beginning| Origin::of(beginning, 0))))
            }
        }
    }

    fn fault(&self, kind: FaultKind, message: String, origin: Option<Origin>) -> Fault {
        Fault::new(kind, &self.component, Some(&self.name), None, message, origin)
    }
}

macro_rules! calls {
    ($($ty:ident $value:ident),*) => {
        impl<$($ty: Parameter,)* Output> Export<fn($($ty),*) -> Output>
        where
            fn($($ty),*) -> Output: Signature<Reprs = ($($ty::Repr,)*), Result = Output>,
        {
            /// Calls it, on this thread.
            ///
            /// # Errors
            /// A fault of the kind `Withdrawn` if what was asked for is gone; else those of a handle's call.
            #[allow(clippy::too_many_arguments, reason = "as many as the export has")]
            pub fn call(&self, $($value: $ty::Given<'_>),*) -> std::result::Result<Output, Fault> {
                self.invoke(($($value.into_repr(),)*))
            }
        }
    };
}

each_beginning! { calls: A a, B b, C c, D d, E e, G g }
