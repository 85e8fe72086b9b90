//! Patches: single methods of a running component changed by closures.
//!
//! A patch is put in, and taken off, by a transaction: one at a time, one world, one visible moment for all of its
//! methods. Nothing of it runs an author's code before the commit, so it has no phases and no thread of its own, waits
//! for no call and shuts no gate: callers that are inside go on as they began, and those that come find the new table.
//! [`patches`](crate::host::objects::patches) says how a patched method is called and when hooks are freed,
//! [`hooks`](crate::component::hooks) who owns what meanwhile.
//!
//! Rules:
//! 1. What is refused is refused before the commit, and leaves everything as it was: a method that the component
//!    lacks or has with another signature, a protected component without an override, a runtime that is gone, another
//!    transaction that runs.
//! 2. A patch stands in every instance of its component, also in those that come later, and rests while the component
//!    is there in a version that it does not fit, or not at all.
//! 3. Patches of one method stand around each other, the last one outermost, unless a patch names its
//!    [`Position`]. Each can be taken off at any time, in any order. A call runs through all layers of the world that
//!    it entered, or of the one that it calls `next` in: the same.
//! 4. A commit of a patch is a generation, and so is its end. A rollback goes back to the patches of a generation as to
//!    its components: it takes off what came since, and brings back what a rollback or [`Runtime::unpatch`] took off. A
//!    patch whose guard was dropped has ended, and no rollback brings it back: what its closures have captured is gone.
//!    So is what no revision names any more. A guard whose patch is off already only ends it.

use std::fmt;

use crate::{
    abi::names::is_component_name,
    component::generated::patches::{Collects as _, Layers, Patchable},
    error::{Error, ErrorKind, Result},
    host::{actor::Actor, objects::patches::Kind, runtime::Runtime},
};

use super::{
    patched::Patched,
    patching::{By, PatchInfo, Wish, info, put, take_off},
    position::Position,
    putting::{self, Asked},
};

/// A patch of a component's interface `I` that is to be put in: see [`Runtime::patch`].
#[must_use = "a patch changes nothing until it is committed"]
pub struct PatchBuilder<'rt, I: ?Sized> {
    runtime: &'rt Runtime,
    interface: std::marker::PhantomData<fn(&I)>,
    name: String,
    component: Option<String>,
    layers: Layers,
    position: Position,
    leaves_missing: bool,
    asked: Asked,
}

impl<I: ?Sized> fmt::Debug for PatchBuilder<'_, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Changes single methods of a running component by closures.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.store", version = 1, patches)]
    /// # pub trait Store {
    /// #     fn get(&self, key: &str) -> Option<u64>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Lengths;
    /// # #[lcr::component(name = "lengths")]
    /// # impl Store for Lengths {
    /// #     fn get(&self, key: &str) -> Option<u64> {
    /// #         Some(key.len() as u64)
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let store = rt.service::<dyn Store>()?;
    /// let patch = rt
    ///     .patch::<dyn Store>("no-secrets")
    ///     .methods(|m| m.get(|next, key| if key.starts_with("secret/") { None } else { next(key) }))
    ///     .commit()?;
    /// assert_eq!((store.get("secret/a"), store.get("a")), (None, Some(1)));
    /// drop(patch);
    /// assert_eq!(store.get("secret/a"), Some(8));
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// The interface is declared with `patches`: `#[lcr::interface(name = "kv.store", version = 1, patches)]`. That is
    /// the program's business alone, and no part of the contract: a component may be compiled without.
    ///
    /// `name` tells the patch from others, in faults and lists: a panic of a closure is a fault whose
    /// [origin](crate::Fault::origin) is the patch. A closure runs on the caller's thread, inside the call: it may call
    /// other components, and must not wait for a transaction that replaces the patched one. What it has captured is
    /// dropped once, on a thread of the runtime, when the patch was taken off and no call can be inside it any more.
    pub fn patch<I: ?Sized + Patchable>(&self, name: &str) -> PatchBuilder<'_, I> {
        PatchBuilder {
            runtime: self,
            interface: std::marker::PhantomData,
            name: name.to_owned(),
            component: None,
            layers: Layers::default(),
            position: Position::First,
            leaves_missing: false,
            asked: Asked::default(),
        }
    }

    /// The patches: each stands around those before it.
    pub fn patches(&self) -> Vec<PatchInfo> {
        let state = self.inner().state();
        let stack = state.objects().patches().stack().iter();
        let patches = stack.filter(|patch| patch.kind == Kind::Patch && patch.export.is_none());
        patches.map(|patch| info(&state, patch)).collect()
    }

    /// Takes a patch or an added export off. Calls that are inside it end as they began. Returns the generation without
    /// it. A rollback brings it back, as long as a revision has it.
    ///
    /// # Errors
    /// `NotFound` if there is none of that number; `Protected` if its component is protected: see
    /// [`unpatch_protected`](Runtime::unpatch_protected); `Invalid` if it is that of a library, which a plan takes off;
    /// `Busy` if a transaction runs; `Closed` if the runtime is gone.
    pub fn unpatch(&self, number: u64) -> Result<u64> {
        take_off(self.inner(), number, By::Number { overrides: false })
    }

    /// Takes a patch or an added export off as [`unpatch`](Runtime::unpatch) does, also one of a protected component.
    /// The history notes the override. A [guard](Patched) needs none: it ends what was put in by one.
    ///
    /// # Errors
    /// As for [`unpatch`](Runtime::unpatch), without `Protected`.
    pub fn unpatch_protected(&self, number: u64) -> Result<u64> {
        take_off(self.inner(), number, By::Number { overrides: true })
    }
}

impl<I: ?Sized + Patchable> PatchBuilder<'_, I> {
    /// Changes methods by closures that stand around them. `methods` gets what has a function for each method that is
    /// not polled, of the method's name, which takes a closure. The closure's first argument calls what was there
    /// before; the others are those of the method.
    pub fn methods(mut self, methods: impl FnOnce(I::Methods) -> I::Methods) -> Self {
        self.layers.0.extend(methods(I::Methods::default()).into_layers().0);
        self
    }

    /// Has closures see the arguments before the call. `before` gets what has a function for each method, as for
    /// [`methods`](PatchBuilder::methods). A closure returns nothing, or a `Result` whose error refuses the call with
    /// its text: callers get a fault of the kind [`Refused`](crate::FaultKind::Refused), whose origin is the patch, and
    /// the component does not get the call.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.before", version = 1, patches)]
    /// # pub trait Store {
    /// #     fn put(&self, key: &str, value: Vec<u8>) -> Result<(), lcr::Fault>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Nowhere;
    /// # #[lcr::component(name = "nowhere")]
    /// # impl Store for Nowhere {
    /// #     fn put(&self, _: &str, _: Vec<u8>) -> Result<(), lcr::Fault> {
    /// #         Ok(())
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// # let store = rt.service::<dyn Store>()?;
    /// let small = |_: &str, value: &Vec<u8>| if value.len() > 1 { Err("too large") } else { Ok(()) };
    /// let _patch = rt.patch::<dyn Store>("limit").before(|m| m.put(small)).commit()?;
    /// assert!(store.put("a", vec![1]).is_ok());
    /// assert_eq!(store.put("a", vec![1, 2]).unwrap_err().message(), "too large");
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// A closure gets what the call uses up by reference, and references, numbers, `bool` and `char` as they are. A
    /// `Vec` or `String` that another image has made is copied once, when it comes to the patch. To refuse, the
    /// closure's thread unwinds inside the patch, which takes some microseconds; where the program is built with
    /// `panic = "abort"`, a refusal ends it.
    pub fn before(mut self, before: impl FnOnce(I::BeforeCall) -> I::BeforeCall) -> Self {
        self.layers.0.extend(before(I::BeforeCall::default()).into_layers().0);
        self
    }

    /// Has closures see the result, which they may change. `after` gets what has a function for each method. A closure
    /// gets the result as `&mut`, and of the arguments those that the call does not use up: references, numbers, `bool`
    /// and `char`. The closure does not run if the method panics, unless its result is a `Result<_, E>` with
    /// `E: From<lcr::Fault>`: then it gets the fault as `Err`.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.after", version = 1, patches)]
    /// # pub trait Store {
    /// #     fn get(&self, key: &str) -> Option<u64>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Empty;
    /// # #[lcr::component(name = "empty")]
    /// # impl Store for Empty {
    /// #     fn get(&self, _: &str) -> Option<u64> {
    /// #         None
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// # let store = rt.service::<dyn Store>()?;
    /// let patch = rt.patch::<dyn Store>("default").after(|m| m.get(|result, key| {
    ///     result.get_or_insert(key.len() as u64);
    /// }));
    /// let _patch = patch.commit()?;
    /// assert_eq!(store.get("abc"), Some(3));
    /// # Ok::<(), lcr::Error>(())
    /// ```
    pub fn after(mut self, after: impl FnOnce(I::AfterCall) -> I::AfterCall) -> Self {
        self.layers.0.extend(after(I::AfterCall::default()).into_layers().0);
        self
    }

    /// Has closures answer some calls: each gets the arguments, as for [`before`](PatchBuilder::before), and returns
    /// `Some` result, or `None` to leave the call to what comes behind it. Clauses of one method are tried in the order
    /// in which they are written here; [`at`](PatchBuilder::at) says where they stand among the other patches.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.clauses", version = 1, patches)]
    /// # pub trait Numbers {
    /// #     fn next(&self, n: u64) -> u64;
    /// # }
    /// # #[derive(Default)]
    /// # struct Counter;
    /// # #[lcr::component(name = "counter")]
    /// # impl Numbers for Counter {
    /// #     fn next(&self, n: u64) -> u64 {
    /// #         n + 1
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// # let numbers = rt.service::<dyn Numbers>()?;
    /// let clauses = rt.patch::<dyn Numbers>("clauses").clauses(|m| {
    ///     m.next(|n| (n == 24).then_some(42)).next(|n| (n < 100).then_some(0))
    /// });
    /// let _patch = clauses.commit()?;
    /// assert_eq!([24, 25, 100].map(|n| numbers.next(n)), [42, 0, 101]);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    pub fn clauses(mut self, clauses: impl FnOnce(I::Clauses) -> I::Clauses) -> Self {
        self.layers.0.extend(clauses(I::Clauses::default()).into_layers().0.into_iter().rev());
        self
    }

    /// Withdraws methods: callers get a fault of the kind [`Withdrawn`](crate::FaultKind::Withdrawn), whose origin is
    /// the patch, until the patch is taken off. `withdrawn` gets what has a function for each method.
    ///
    /// ```
    /// # #[lcr::interface(name = "patch.withdrawn", version = 1, patches)]
    /// # pub trait Store {
    /// #     fn put(&self, key: &str) -> Result<(), lcr::Fault>;
    /// # }
    /// # #[derive(Default)]
    /// # struct Nowhere;
    /// # #[lcr::component(name = "nowhere-withdrawn")]
    /// # impl Store for Nowhere {
    /// #     fn put(&self, _: &str) -> Result<(), lcr::Fault> {
    /// #         Ok(())
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// # let store = rt.service::<dyn Store>()?;
    /// let read_only = rt.patch::<dyn Store>("read-only").withdraw(|m| m.put()).commit()?;
    /// assert_eq!(store.put("a").unwrap_err().kind(), lcr::FaultKind::Withdrawn);
    /// drop(read_only);
    /// assert!(store.put("a").is_ok());
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// As with [`before`](PatchBuilder::before), a call of it ends a program that is built with `panic = "abort"`.
    pub fn withdraw(mut self, withdrawn: impl FnOnce(I::Withdrawn) -> I::Withdrawn) -> Self {
        self.layers.0.extend(withdrawn(I::Withdrawn::default()).into_layers().0);
        self
    }

    /// Where the patch stands among the other patches of its component's interface. Default: [`Position::First`].
    pub fn at(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Which component is meant, if several provide the interface. Default: the one that callers get who name none.
    pub fn of_component(mut self, component: &str) -> Self {
        self.component = Some(component.to_owned());
        self
    }

    /// Allows to patch a protected component. Default: it is refused.
    pub fn override_protected(mut self) -> Self {
        self.asked.override_protected = true;
        self
    }

    /// Leaves methods alone that the component lacks. Default: such a patch is refused.
    #[cfg(feature = "mock")]
    pub(super) fn leave_missing(mut self) -> Self {
        self.leaves_missing = true;
        self
    }

    /// Why, in the words of whoever asks. Default: no reason.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.asked.reason = Some(reason.into());
        self
    }

    /// Who asks. Default: this process.
    pub fn asked_by(mut self, actor: Actor) -> Self {
        self.asked.actor = actor;
        self
    }

    /// Puts the patch in. Waits for no call.
    ///
    /// # Errors
    /// `NotFound` if nothing provides the interface, the component lacks one of the methods, or no patch has the name
    /// of the position; `Ambiguous` if several
    /// provide it and none is named or bound, or several patches have the name of the position; `Mismatch` if the
    /// component has a method with another signature;
    /// `Protected` without an override; `Invalid` if the patch changes nothing, or its name is not that of a component;
    /// `Busy` if a transaction runs; `Closed` if the runtime is gone; `History` if it cannot be recorded.
    pub fn commit(self) -> Result<Patched> {
        let inner = self.runtime.inner();
        if self.layers.0.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the patch changes no method; name some by `methods`"));
        }
        if !is_component_name(&self.name) {
            let text = format!(
                "a patch cannot be called {:?}: a name is 1 to 128 letters, digits, `_`, `-` and `.`, and does not \
                 begin with `.` or `-`",
                self.name
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let PatchBuilder { name, component, mut layers, position, leaves_missing, asked, .. } = self;
        let override_protected = asked.override_protected;
        let wish = Wish { name, component, position, override_protected, leaves_missing };
        let name = wish.name.clone();
        putting::commit(inner, &name, asked, move |made| put::<I>(inner, &wish, &mut layers, made))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
