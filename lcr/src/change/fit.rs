//! Whether one library can take the place of another one, told from their manifests alone.
//!
//! A plan asks the same of a runtime, whose handles and dependents it knows ([`resolve`](super::resolve)). Here is no
//! runtime: the callers are taken to know every method that the old library has, in each version of its interface
//! that it serves. So a library that fits here fits every program that the old one served, and a program whose callers
//! know fewer methods may take more.
//!
//! A plan's [description](super::description) lists how signatures differ, for an operator. That is a part of the same:
//! [`differences`]. Nothing is judged there, since the plan has judged already what its handles need.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::host::image::manifest::{DependencyManifest, ExportManifest, Manifest, MethodManifest};

use super::{
    fit_document,
    member::StateChange,
    request::Options,
    state_way::{declaring_state, state_change},
};

/// What a replacement of one library by another one changes: [`Manifest::fit`].
///
/// `Display` writes it over several lines: each interface, then each of its methods that changes, and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fit {
    /// Each interface of either library, in the order of the new library, and then those that go.
    pub interfaces: Vec<InterfaceFit>,
    /// Whether a panic in the new library ends the process, where the old one gave the caller a fault. A plan refuses
    /// that unless it says [`allow_panic_abort`](crate::PlanBuilder::allow_panic_abort).
    pub begins_to_abort: bool,
}

/// One interface's part of a [`Fit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterfaceFit {
    /// The name of the interface.
    pub interface: String,
    /// The version in the old library; `None` if the interface comes.
    pub before: Option<u32>,
    /// The version in the new library; `None` if the interface goes.
    pub after: Option<u32>,
    /// Versions whose callers the old library serves and the new one does not.
    pub unserved: Vec<u32>,
    /// The methods that change, in the order of the old library, and then those that come.
    pub methods: Vec<MethodFit>,
    /// Interfaces that the new library needs, with their versions, and the old one does not.
    #[serde(with = "fit_document::needs")]
    pub new_needs: Vec<(String, u32)>,
    /// What becomes of the state; `None` if the old library keeps none.
    pub state: Option<StateFit>,
    /// Whether the old library is protected, so that a plan needs an override.
    pub protected: bool,
}

/// A method that changes. `{:#}` writes it on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "fit_document::Method", into = "fit_document::Method")]
#[non_exhaustive]
pub enum MethodFit {
    /// The new library has it, and the old one does not. The signature.
    Comes(String),
    /// The new library lacks it, and the default body of the trait serves callers. The signature.
    ByDefault(String),
    /// The new library lacks it, and it has no default body: callers refuse the library. The signature.
    Missing(String),
    /// Its signature differs: callers refuse the library.
    #[non_exhaustive]
    Differs {
        /// The signature in the old library.
        before: String,
        /// The signature in the new library.
        after: String,
        /// Where the two differ first, and how.
        difference: String,
    },
}

/// What becomes of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "fit_document::State", into = "fit_document::State")]
#[non_exhaustive]
pub enum StateFit {
    /// It moves by pointer, whatever its size. The version.
    ByPointer(u32),
    /// It is copied by serde, and the old library writes it as the older version that the new one has.
    #[non_exhaustive]
    Downgraded {
        /// The version that the old library saves.
        before: u32,
        /// The version that the new library takes.
        after: u32,
    },
    /// It is copied by serde, from the first version to the second.
    #[non_exhaustive]
    Copied {
        /// The version that the old library saves.
        before: u32,
        /// The version that the new library takes.
        after: u32,
        /// Whether the copy is made while callers go on, but for the last changes.
        ahead: bool,
        /// Why it does not move by pointer, where both libraries keep it in an [`State`](crate::State).
        why: Option<String>,
    },
    /// The new library cannot take it; a plan refuses that unless it says
    /// [`discard_state`](crate::PlanBuilder::discard_state). Why.
    Lost(String),
}

impl Manifest {
    /// What a replacement of this library by `new` would find. Runs no code of either, and looks at no runtime.
    ///
    /// The callers are taken to know every method that this library has. A program whose callers know fewer may take a
    /// library that does not fit here: its [`Plan`](crate::Plan) says so.
    #[must_use]
    pub fn fit(&self, new: &Manifest) -> Fit {
        let of = |manifest: &'_ Manifest, interface: &str| {
            manifest.exports.iter().position(|export| export.interface == interface)
        };
        let mut interfaces = Vec::new();
        for export in &new.exports {
            match of(self, &export.interface) {
                Some(old) => interfaces.push(interface_fit(&self.exports[old], export, new)),
                None => interfaces.push(InterfaceFit {
                    new_needs: export.deps.iter().map(|need| (need.interface.clone(), need.version)).collect(),
                    ..InterfaceFit::new(None, Some(export))
                }),
            }
        }
        let gone = self.exports.iter().filter(|export| of(new, &export.interface).is_none());
        interfaces.extend(gone.map(|export| InterfaceFit::new(Some(export), None)));
        let aborts = |manifest: &Manifest| manifest.exports.iter().any(|export| export.panic_abort);
        Fit { interfaces, begins_to_abort: aborts(new) && !aborts(self) }
    }
}

/// How many lines [`differences`] gives for one interface.
const MOST: usize = 64;

/// How callers find a new implementation in the place of an old one, in lines. The work is linear in the manifests.
pub(super) fn differences(old: &ExportManifest, new: &ExportManifest) -> Vec<String> {
    let fit = signatures_fit(old, new);
    let (before, after) = (old.interface_version, new.interface_version);
    let mut lines = Vec::new();
    if before != after {
        lines.push(format!("version {before} becomes {after}"));
    }
    lines.extend(fit.unserved.iter().map(|&version| unserved(version)));
    lines.extend(fit.methods.iter().map(|method| format!("{method:#}")));
    if lines.len() > MOST {
        let more = lines.len() - (MOST - 1);
        lines.truncate(MOST - 1);
        lines.push(format!("and {more} more differences"));
    }
    lines
}

fn unserved(version: u32) -> String {
    format!("callers of v{version} are not served; declare replaces({version}) on the interface")
}

fn interface_fit(old: &ExportManifest, new: &ExportManifest, library: &Manifest) -> InterfaceFit {
    let mut fit = signatures_fit(old, new);
    let has = |need: &DependencyManifest| {
        old.deps.iter().any(|dep| (&dep.interface, dep.version) == (&need.interface, need.version))
    };
    let needs = new.deps.iter().filter(|need| !has(need));
    fit.new_needs = needs.map(|need| (need.interface.clone(), need.version)).collect();
    fit.state = state_fit(old, declaring_state(library, new, false));
    fit
}

/// The versions and methods of a fit.
fn signatures_fit(old: &ExportManifest, new: &ExportManifest) -> InterfaceFit {
    let mut fit = InterfaceFit::new(Some(old), Some(new));
    let serves = |version: u32| new.interface_version == version || new.replaces.contains(&version);
    let versions = std::iter::once(old.interface_version).chain(old.replaces.iter().copied());
    fit.unserved = versions.filter(|&version| !serves(version)).collect();
    for method in &old.methods {
        fit.methods.extend(method_fit(method, new));
    }
    let comes = new.methods.iter().filter(|method| old.method(method.shape.name().unwrap_or_default()).is_none());
    fit.methods.extend(comes.map(|method| MethodFit::Comes(method.shape.to_string())));
    fit
}

/// How callers of one method of the old library find it in the new one; `None` if nothing changes for them.
fn method_fit(method: &MethodManifest, new: &ExportManifest) -> Option<MethodFit> {
    let before = method.shape.to_string();
    let Some(at) = new.method(method.shape.name().unwrap_or_default()) else {
        return Some(if method.has_default { MethodFit::ByDefault(before) } else { MethodFit::Missing(before) });
    };
    let found = &new.methods[at].shape;
    let difference = method.shape.difference(found)?.summary();
    Some(MethodFit::Differs { before, after: found.to_string(), difference })
}

fn state_fit(old: &ExportManifest, new: &ExportManifest) -> Option<StateFit> {
    let copied = |before, after, ahead, why| StateFit::Copied { before, after, ahead, why };
    match state_change(old, new, 1, &Options::default()) {
        Ok((StateChange::None | StateChange::Absent, _)) => None,
        Ok((StateChange::Moved { version, .. }, _)) => Some(StateFit::ByPointer(version)),
        Ok((StateChange::Downgraded(before, after), _)) => Some(StateFit::Downgraded { before, after }),
        Ok((StateChange::HandedOver(before, after), why)) => Some(copied(before, after, false, why)),
        Ok((StateChange::CopiedAhead(before, after, _), why)) => Some(copied(before, after, true, why)),
        Ok((StateChange::Discarded(version), _)) => Some(StateFit::Lost(format!("state v{version} is discarded"))),
        Err(error) => Some(StateFit::Lost(error.to_string())),
    }
}

impl Fit {
    /// Whether a plan that allows nothing in particular would take the new library in the place of the old one.
    #[must_use]
    pub fn fits(&self) -> bool {
        !self.begins_to_abort && self.interfaces.iter().all(InterfaceFit::fits)
    }
}

impl InterfaceFit {
    fn new(before: Option<&ExportManifest>, after: Option<&ExportManifest>) -> InterfaceFit {
        let name = before.or(after).map(|export| export.interface.clone());
        InterfaceFit {
            interface: name.unwrap_or_default(),
            before: before.map(|export| export.interface_version),
            after: after.map(|export| export.interface_version),
            unserved: Vec::new(),
            methods: Vec::new(),
            new_needs: Vec::new(),
            state: None,
            protected: before.is_some_and(|export| export.protected),
        }
    }

    /// Whether callers of the old library, and its state, can go on with the new one.
    #[must_use]
    pub fn fits(&self) -> bool {
        let goes = self.before.is_some() && self.after.is_none();
        !goes
            && self.unserved.is_empty()
            && self.methods.iter().all(MethodFit::fits)
            && !matches!(self.state, Some(StateFit::Lost(_)))
    }
}

impl MethodFit {
    /// Whether callers of the method can go on.
    #[must_use]
    pub fn fits(&self) -> bool {
        matches!(self, MethodFit::Comes(_) | MethodFit::ByDefault(_))
    }
}

impl From<MethodFit> for fit_document::Method {
    fn from(fit: MethodFit) -> fit_document::Method {
        match fit {
            MethodFit::Comes(method) => fit_document::Method::Comes { method },
            MethodFit::ByDefault(method) => fit_document::Method::Default { method },
            MethodFit::Missing(method) => fit_document::Method::Missing { method },
            MethodFit::Differs { before, after, difference } => {
                fit_document::Method::Differs { method: before, after, difference }
            }
        }
    }
}

impl From<fit_document::Method> for MethodFit {
    fn from(method: fit_document::Method) -> MethodFit {
        match method {
            fit_document::Method::Comes { method } => MethodFit::Comes(method),
            fit_document::Method::Default { method } => MethodFit::ByDefault(method),
            fit_document::Method::Missing { method } => MethodFit::Missing(method),
            fit_document::Method::Differs { method, after, difference } => {
                MethodFit::Differs { before: method, after, difference }
            }
        }
    }
}

impl From<StateFit> for fit_document::State {
    fn from(fit: StateFit) -> fit_document::State {
        match fit {
            StateFit::ByPointer(version) => fit_document::State::Pointer { before: version, after: version },
            StateFit::Downgraded { before, after } => fit_document::State::Downgrade { before, after },
            StateFit::Copied { before, after, ahead: false, why } => fit_document::State::Copied { before, after, why },
            StateFit::Copied { before, after, ahead: true, why } => {
                fit_document::State::CopiedAhead { before, after, why }
            }
            StateFit::Lost(why) => fit_document::State::Lost { why },
        }
    }
}

impl From<fit_document::State> for StateFit {
    fn from(state: fit_document::State) -> StateFit {
        let copied = |before, after, ahead, why| StateFit::Copied { before, after, ahead, why };
        match state {
            fit_document::State::Pointer { after, .. } => StateFit::ByPointer(after),
            fit_document::State::Downgrade { before, after } => StateFit::Downgraded { before, after },
            fit_document::State::Copied { before, after, why } => copied(before, after, false, why),
            fit_document::State::CopiedAhead { before, after, why } => copied(before, after, true, why),
            fit_document::State::Lost { why } => StateFit::Lost(why),
        }
    }
}

impl fmt::Display for Fit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, interface) in self.interfaces.iter().enumerate() {
            let line = if number == 0 { "" } else { "\n" };
            write!(f, "{line}{interface}")?;
        }
        match self.begins_to_abort {
            true => f.write_str("\na panic in the new library ends the process"),
            false => Ok(()),
        }
    }
}

impl fmt::Display for InterfaceFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.before, self.after) {
            (Some(before), Some(after)) if before == after => write!(f, "{} v{after}", self.interface)?,
            (Some(before), Some(after)) => write!(f, "{} v{before} -> v{after}", self.interface)?,
            (None, Some(after)) => {
                write!(f, "{} v{after}: comes", self.interface)?;
                return self.new_needs.iter().try_for_each(|(need, version)| write!(f, ", needs {need} v{version}"));
            }
            (before, None) => {
                return write!(f, "{} v{}: goes, and its handles with it", self.interface, before.unwrap_or_default());
            }
        }
        f.write_str(if self.fits() { ": fits" } else { ": does not fit" })?;
        self.unserved.iter().try_for_each(|&version| write!(f, "\n  {}", unserved(version)))?;
        self.methods.iter().try_for_each(|method| write!(f, "\n  {method}"))?;
        self.new_needs.iter().try_for_each(|(need, version)| write!(f, "\n  now needs {need} v{version}"))?;
        self.state.iter().try_for_each(|state| write!(f, "\n  {state}"))?;
        f.write_str(if self.protected { "\n  protected: a plan needs an override" } else { "" })
    }
}

impl fmt::Display for MethodFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MethodFit::Comes(method) => write!(f, "+ {method}"),
            MethodFit::ByDefault(method) => write!(f, "- {method}: the default body serves callers"),
            MethodFit::Missing(method) => write!(f, "- {method}: has no default body, so callers refuse the library"),
            MethodFit::Differs { difference, .. } if f.alternate() => write!(f, "! {difference}"),
            MethodFit::Differs { before, after, difference } if before == after => {
                write!(f, "! {before}: {difference}")
            }
            MethodFit::Differs { before, after, difference } => {
                write!(f, "! {before}\n    is {after}\n    {difference}")
            }
        }
    }
}

impl fmt::Display for StateFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateFit::ByPointer(version) => write!(f, "state v{version} moves by pointer"),
            StateFit::Downgraded { before, after } => {
                write!(f, "state v{before} is copied, and downgraded to v{after}")
            }
            StateFit::Copied { before, after, ahead, why } => {
                let ahead = if *ahead { " while callers go on" } else { "" };
                match before == after {
                    true => write!(f, "state v{before} is copied{ahead}")?,
                    false => write!(f, "state v{before} is copied{ahead}, and migrated to v{after}")?,
                }
                why.iter().try_for_each(|why| write!(f, " (not by pointer: {why})"))
            }
            StateFit::Lost(why) => write!(f, "state would be lost: {why}"),
        }
    }
}
