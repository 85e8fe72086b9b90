//! Packed calls: a method of whatever serves an interface, called by one who knows its types by their shapes alone.
//!
//! `RuntimeInner::find_method` finds a method, and `RuntimeInner::refer_to` takes a reference to a slot, so that a
//! [`PackedMethod`] is a handle in all but its type: [`PackedMethod::call`] enters the slot as a handle's slow path
//! does, through gate, pin and successor. Drain and stragglers see the call by its frame, its fault names the component
//! and is counted there, and a patched method is called with its patches.
//!
//! The slot's view is the interface as the component itself knows it. The host may lack the interface, so the thunk
//! that makes the call is the image's own ([`crossing`](crate::abi::crossing)): it is looked up inside the frame, in
//! the implementation that the frame shows, whose image stays mapped until the call leaves.
//!
//! Invariants:
//! 1. The call leaves once: after its result was read, also if reading panics, or after the fault was named.
//! 2. The arguments are the component's from the moment at which its function is called. Until then they are the
//!    caller's, who learns from [`CallFault::took_arguments`] whether they are still to be released.

mod polling;

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    ptr::NonNull,
    sync::Arc,
};

use crate::{
    abi::{
        crossing::Crossing,
        fault::{FaultKind, RawFault},
        tables::{RawEntered, RawSlot},
        world::{Methods, Pair},
    },
    component::{call_path::fault_of_call, fault::Fault, identity::ComponentId},
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, ProviderId, SlotId},
        image::manifest::{ExportManifest, MethodManifest},
        objects::{provider::Visibility, slots::SlotRef},
    },
};

use super::inner::RuntimeInner;

/// A method that is called by its shape, on whatever serves its interface at that moment.
pub(crate) struct PackedMethod {
    slot: NonNull<RawSlot>,
    inner: Arc<RuntimeInner>,
    found: FoundMethod,
}

/// A method of the component that would serve a call. Nothing was constructed for it.
pub(super) struct FoundMethod {
    provider: ProviderId,
    /// What the implementation said of itself. One that has taken its place meanwhile is linked by this.
    manifest: Arc<ExportManifest>,
    number: usize,
}

impl FoundMethod {
    /// The component.
    pub(super) fn component(&self) -> &ComponentId {
        &self.manifest.component
    }

    /// Its name and signature, with the notes on it.
    pub(super) fn method(&self) -> &MethodManifest {
        &self.manifest.methods[self.number]
    }
}

// SAFETY: it owns a reference to the slot, as a handle does.
unsafe impl Send for PackedMethod {}
// SAFETY: as above.
unsafe impl Sync for PackedMethod {}

/// Why a packed call has no result.
#[derive(Debug)]
pub(crate) struct CallFault {
    pub(crate) fault: Fault,
    /// Whether the arguments are consumed. If not, they are still the caller's.
    pub(crate) took_arguments: bool,
}

impl RuntimeInner {
    /// Takes a reference for a handle on the service of the method that was found. Constructs the service if it is the
    /// first.
    ///
    /// # Errors
    /// Those of the construction of the service.
    pub(super) fn refer_to(self: &Arc<RuntimeInner>, found: FoundMethod) -> Result<PackedMethod> {
        let view = self.state().objects.resolve_view(found.manifest.interface_bytes())?;
        let service = self.service(found.provider, Visibility::Committed)?;
        let slot = self.handle_on(service, view, None)?.into_raw();
        Ok(PackedMethod { slot, inner: Arc::clone(self), found })
    }

    /// Finds the method `method` of what provides `interface`, of `component` if that is given. Constructs nothing, so
    /// that whoever refuses the method by its signature does so before any code of the component runs.
    ///
    /// # Errors
    /// `NotFound` if nothing provides the interface, or it has no such method; `Ambiguous` as for a handle; `Invalid`
    /// if the method cannot be called by its shape.
    pub(super) fn find_method(&self, interface: &str, component: Option<&str>, method: &str) -> Result<FoundMethod> {
        let state = self.state();
        let registry = state.objects.registry();
        let present = registry.of_interface(interface).iter().filter_map(|&id| registry.get(id));
        let present = present.filter(|provider| provider.is_committed()).map(|provider| provider.implementation());
        let named = present.filter(|present| component.is_none_or(|name| present.component.id.name == name));
        let version = named.map(|present| present.manifest.interface_version).max().unwrap_or(1);
        let provider = registry.choose(interface, version, component, Visibility::Committed)?;
        let implementation = registry.implementation(provider);
        let manifest = &implementation.manifest;
        let Some(number) = manifest.method(method) else {
            let names: Vec<&str> = manifest.methods.iter().map(|method| &*method.shape.name).collect();
            let text = format!("{interface} has no method `{method}`; it has {}", names.join(", "));
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let found = &manifest.methods[number];
        if found.shape.is_stream() {
            let text = format!(
                "method `{method}` of {interface} returns a stream, and only a handle can poll one; call another method"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if implementation.thunks(interface, method).is_none() {
            let text = format!(
                "component `{}` has no thunks, so its methods cannot be called by their shapes; build it again with \
                 this version of lcr",
                implementation.component
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Ok(FoundMethod { provider, manifest: Arc::clone(manifest), number })
    }
}

impl PackedMethod {
    /// Its name and signature, with the notes on it.
    pub(crate) fn method(&self) -> &MethodManifest {
        self.found.method()
    }

    /// The name of its interface.
    pub(crate) fn interface(&self) -> &str {
        &self.found.manifest.interface
    }

    fn name(&self) -> &str {
        &self.method().shape.name
    }

    /// Its number in the slot's view, which is the interface of the manifest.
    fn number(&self) -> u32 {
        u32::try_from(self.found.number).expect("a list of a manifest has at most 65535 items")
    }

    /// Calls it, on this thread. `read` gets the place of the result's representation, which it consumes: it releases
    /// what the result owns. That runs inside the call, so that the component's image cannot go away.
    ///
    /// # Errors
    /// As for a call of a handle; and `Withdrawn` if what serves now lacks the method.
    ///
    /// # Safety
    /// There are as many arguments as the signature has, each points to an initialised representation of that
    /// argument's shape, and the call may consume them. What they borrow lives until this returns.
    pub(crate) unsafe fn call<T>(
        &self,
        arguments: &[*mut ()],
        read: impl FnOnce(*mut ()) -> T,
    ) -> std::result::Result<T, CallFault> {
        let inside = self.enter(arguments.len())?;
        let out = Place::of(inside.crossing);
        // SAFETY: the thunk is that of the function's signature, of which the caller says that the arguments are; the
        // place has room for the outcome.
        unsafe { inside.pack(arguments, &out) };
        // SAFETY: an outcome begins with its fault, and the thunk has written it.
        let fault = unsafe { out.at.cast::<*mut RawFault>().read() };
        if fault.is_null() { Ok(read(out.value())) } else { Err(self.made(&inside, fault)) }
    }

    /// Enters the slot, as a handle's slow path does.
    fn enter(&self, arguments: usize) -> std::result::Result<Inside, CallFault> {
        let mut entered = RawEntered::outside();
        // SAFETY: this value owns a reference to the slot.
        let host = unsafe { self.slot.as_ref() }.host;
        // SAFETY: a host's table lives as long as the process.
        let enter = unsafe { &*host }.enter;
        // SAFETY: the slot is alive, and the host fills what `entered` promises.
        unsafe { enter(self.slot.as_ptr(), self.number(), &raw mut entered) };
        if !entered.fault.is_null() {
            // SAFETY: the host gave us the fault.
            let (kind, message, _) = unsafe { RawFault::take(entered.fault) };
            return Err(self.not_made(kind, message));
        }
        let entered = Leave(entered);
        // SAFETY: the frame keeps the table of methods, which has those of the slot's view.
        let Pair { function, data } = unsafe { Methods::at(entered.0.methods).pair(self.number()) };
        let crossing = self.crossing(&entered.0);
        let Some(crossing) = crossing.filter(|crossing| usize::from(crossing.arguments) == arguments) else {
            return Err(self.not_made(FaultKind::Withdrawn, "it cannot be called by its shape".to_owned()));
        };
        if function.is_null() {
            let text = "the component lacks this method: handles on it run the body that the trait has";
            return Err(self.not_made(FaultKind::Withdrawn, text.to_owned()));
        }
        Ok(Inside { entered, function, data, crossing })
    }

    /// The fault of a call that was made.
    fn made(&self, inside: &Inside, fault: *mut RawFault) -> CallFault {
        let called = (self.interface(), Some(self.name()));
        // SAFETY: the slot is alive, this thread is inside the world, and the component gave us the fault.
        let fault = unsafe { fault_of_call(self.slot, inside.entered.0.table, called, self.number(), fault) };
        CallFault { fault, took_arguments: true }
    }

    /// The thunks of the method's signature, or of its start if it is async, in the image that serves the call.
    fn crossing(&self, entered: &RawEntered) -> Option<&'static Crossing> {
        // SAFETY: this value owns a reference to the slot.
        let number = SlotId::of_offset(unsafe { self.slot.as_ref() }.offset);
        // SAFETY: the frame keeps the world.
        let generation = Generation::of_table(unsafe { &*entered.table });
        let state = self.inner.state();
        state.serving_in(number, entered.table, generation)?.thunks(self.interface(), self.name())
    }

    fn not_made(&self, kind: FaultKind, message: String) -> CallFault {
        let fault = Fault::new(kind, self.interface(), Some(self.name()), None, message, None);
        CallFault { fault, took_arguments: false }
    }
}

impl Drop for PackedMethod {
    fn drop(&mut self) {
        // SAFETY: the reference is this value's, and is given up once.
        unsafe { SlotRef::give_up(self.slot) };
    }
}

/// A call that has entered. Dropping this leaves.
struct Inside {
    entered: Leave,
    function: *const (),
    data: *const (),
    crossing: &'static Crossing,
}

impl Inside {
    /// Makes the call.
    ///
    /// # Safety
    /// The arguments are those of the signature, and the place is made for its outcome.
    unsafe fn pack(&self, arguments: &[*mut ()], out: &Place) {
        let method = Pair { function: self.function, data: self.data };
        // SAFETY: the caller says so.
        unsafe { self.crossing.call(method, arguments.as_ptr(), out.at.as_ptr().cast()) };
    }
}

/// Leaves a call.
struct Leave(RawEntered);

impl Drop for Leave {
    fn drop(&mut self) {
        // SAFETY: this thread's own record, which lives until the thread ends.
        unsafe { &*self.0.record }.leave_to(self.0.depth);
    }
}

/// Room for an outcome.
struct Place {
    at: NonNull<u8>,
    layout: Layout,
}

impl Place {
    fn of(crossing: &Crossing) -> Place {
        Place::new(crossing.outcome_size as usize, crossing.outcome_align.into())
    }

    /// Room for so many bytes, of which there are some.
    fn new(size: usize, align: usize) -> Place {
        let layout = Layout::from_size_align(size, align).expect("an outcome's layout is a type's");
        // SAFETY: the size is not 0: an outcome has a fault, and a call a waker.
        let Some(at) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        Place { at, layout }
    }

    /// Where the value of an outcome lies: behind the fault, aligned.
    fn value(&self) -> *mut () {
        self.behind(size_of::<*mut RawFault>().next_multiple_of(self.layout.align()))
    }

    /// What lies behind so many bytes.
    fn behind<T>(&self, offset: usize) -> *mut T {
        // SAFETY: there is a part at the offset. A value without a size may lie at the end.
        unsafe { self.at.byte_add(offset) }.as_ptr().cast()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: `new` allocated it with this layout.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
