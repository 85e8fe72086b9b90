//! Exports that a program adds to its components while it runs: see
//! [`exported`](crate::host::objects::patches::Exported).

use std::{fmt, sync::Arc};

use crate::{
    abi::names::is_component_name,
    component::signature::{Implements, Signature},
    error::{Error, ErrorKind, Result},
    host::{
        actor::Actor,
        objects::patches::{Exported, Kind, Patch, id},
        runtime::Runtime,
        service::{exports::Export, state::State},
    },
};

use super::{
    patched::Patched,
    patching::put_in,
    protection,
    putting::{self, Asked},
};

/// An export that was added to a component, as [`Runtime::added_exports`] lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddedExport {
    /// Its number, which rises with each patch and export of the runtime. [`Runtime::unpatch`] takes it.
    pub number: u64,
    /// The component.
    pub component: String,
    /// Its name.
    pub name: String,
    /// Its name and type, as Rust writes them.
    pub signature: String,
}

/// An export that is to be added: see [`Runtime::add_export`].
#[must_use = "an export is added when it is committed"]
pub struct ExportBuilder<'rt, F, S> {
    runtime: &'rt Runtime,
    component: String,
    name: String,
    closure: F,
    signature: std::marker::PhantomData<fn() -> S>,
    asked: Asked,
}

impl<F, S> fmt::Debug for ExportBuilder<'_, F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { component, name, .. } = self;
        f.debug_struct("ExportBuilder").field("component", component).field("name", name).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Adds a closure to what a component exports, under a name.
    ///
    /// ```
    /// # #[lcr::interface(name = "export.any", version = 1)]
    /// # pub trait Any {
    /// #     fn is_on(&self) -> bool;
    /// # }
    /// # #[derive(Default)]
    /// # struct Calculator;
    /// # #[lcr::component(name = "calculator")]
    /// # impl Any for Calculator {
    /// #     fn is_on(&self) -> bool {
    /// #         true
    /// #     }
    /// # }
    /// # let rt = lcr::Runtime::new()?;
    /// let added = rt.add_export::<fn(u32) -> u32, _>("calculator", "twice", |n: u32| n * 2).commit()?;
    /// let twice = rt.export::<fn(u32) -> u32>("calculator", "twice")?;
    /// assert_eq!(twice.call(21).unwrap(), 42);
    /// drop(added);
    /// assert_eq!(twice.call(21).unwrap_err().kind(), lcr::FaultKind::Withdrawn);
    /// # Ok::<(), lcr::Error>(())
    /// ```
    ///
    /// The arguments and the result are values as in an interface; what is lent is written as [`Lent`](crate::Lent).
    /// The export hides what has its name already: exports that were added before, and methods. It goes as a
    /// [patch](Runtime::patch) goes: by its guard, its number or a rollback. A panic of the closure is a fault whose
    /// origin is the export. The closure is the program's, so it stays while the component is away, and is asked for
    /// again when one of that name is there.
    pub fn add_export<S, F>(&self, component: &str, name: &str, closure: F) -> ExportBuilder<'_, F, S>
    where
        S: Signature,
        F: Implements<S>,
    {
        ExportBuilder {
            runtime: self,
            component: component.to_owned(),
            name: name.to_owned(),
            closure,
            signature: std::marker::PhantomData,
            asked: Asked::default(),
        }
    }

    /// What a component exports under a name, with that type: an export that was [added](Runtime::add_export), or a
    /// method of one of its interfaces. `name` is that of the method, or interface and method, as in `kv.store.len`.
    ///
    /// A handle on a method calls whatever serves the interface then, as a [`Handle`](crate::Handle) does. One on an
    /// added export keeps to it.
    ///
    /// # Errors
    /// `NotFound` if the component is not there, or exports nothing of that name; `Mismatch` if it is of another type,
    /// as an async method always is; `Ambiguous` if several of its interfaces have a method of that name; those of the
    /// construction of the component.
    pub fn export<S: Signature>(&self, component: &str, name: &str) -> Result<Export<S>> {
        self.inner().export(component, name)
    }

    /// The exports that were added, the last one at the end.
    pub fn added_exports(&self) -> Vec<AddedExport> {
        let state = self.inner().state();
        let patches = state.objects().patches().stack().iter();
        let exports = patches.filter_map(|patch| Some((patch, patch.export.as_ref()?)));
        let listed = exports.map(|(patch, export)| AddedExport {
            number: patch.number,
            component: patch.component.clone(),
            name: export.name.clone(),
            signature: export.shape.to_string(),
        });
        listed.collect()
    }
}

impl<S: Signature, F: Implements<S>> ExportBuilder<'_, F, S> {
    /// Allows to add it to a protected component. Default: it is refused.
    pub fn override_protected(mut self) -> Self {
        self.asked.override_protected = true;
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

    /// Adds it. Waits for no call.
    ///
    /// # Errors
    /// `NotFound` if the component is not there; `Protected` without an override; `Invalid` if the name is not letters,
    /// digits, `_` and `-`; `Busy` if a transaction runs; `Closed` if the runtime is gone; `History` if it cannot be
    /// recorded.
    pub fn commit(self) -> Result<Patched> {
        let ExportBuilder { runtime, component, name, closure, asked, .. } = self;
        if !is_component_name(&name) || name.contains('.') {
            let text = format!(
                "an export cannot be called {name:.200?}: a name is 1 to 128 letters, digits, `_` and `-`, and does \
                 not begin with `-`"
            );
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let (inner, overrides, patch) = (runtime.inner(), asked.override_protected, name.clone());
        putting::commit(inner, &patch, asked, move |made| {
            let number = {
                let state = inner.latest_state();
                refuse(&state, &component, overrides)?;
                state.objects().patches().next_number()
            };
            let owner: Arc<str> = id(&name, number).to_string().into();
            let export = Some(Arc::new(Exported::new::<S>(&owner, &name, closure)?));
            let (interface, methods) = (String::new(), Vec::new());
            let patch = made.insert(Arc::new(Patch {
                kind: Kind::Patch,
                number,
                name,
                component,
                interface,
                methods,
                export,
                library: None,
            }));
            let mut state = inner.latest_state();
            let place = state.objects().patches().stack().len();
            put_in(inner, &mut state, place, patch)
        })
    }
}

fn refuse(state: &State, component: &str, overrides: bool) -> Result<()> {
    if state.component_now(component).0.is_empty() {
        let text = format!("component `{component:.200}` is not there, so it can export nothing");
        return Err(Error::new(ErrorKind::NotFound, text));
    }
    protection::refuse_change(state, component, overrides, "export with override_protected()")
}
