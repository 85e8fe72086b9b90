//! The layers of a canary: around each method of the old version that the candidate can serve, one that draws.

use std::sync::Arc;

use crate::{
    abi::fault::Beginning,
    component::hooks::{Around, Layer},
    error::{Error, ErrorKind, Result},
    host::{
        ids::ProviderId,
        image::{content_hash::ContentHash, manifest::MethodManifest, shape},
        objects::{
            component::Implementation,
            instances::Instance,
            origin::Origin,
            patches::{Kind, Patch, PatchedMethod, id},
        },
        service::inner::RuntimeInner,
        watching::{
            canary::{Canary, Candidate},
            comparison::Comparison,
            requests::Requests,
            second_call::SecondCalls,
            shadow::Shadow,
            signature::Signature,
        },
    },
};

use super::{
    audition::Auditioned,
    end::CanaryLeftOut,
    matching::Met,
    shadowing::{Meant, Versions},
};

/// What the layers are called, in lists.
const NAME: &str = "lcr-canary";

/// Which calls are the canary's.
pub(super) enum Chosen<'r> {
    All,
    /// Those of whole requests.
    Requests(Arc<Requests>),
    /// Those that meet a condition.
    Matching(Met<'r>),
    /// Those of the methods that are meant. The candidate gets copies, by this queue.
    Copies(Meant<'r>, Arc<SecondCalls>),
}

/// Layers that are being made.
pub(super) struct Layers<'r> {
    comparison: Arc<Comparison>,
    chosen: Chosen<'r>,
    /// The number of the next patch.
    next: u64,
    /// The commit in whose world the canary begins.
    generation: u64,
    /// One for each interface.
    pub(super) patches: Vec<Arc<Patch>>,
    pub(super) methods: Vec<String>,
    pub(super) left_out: Vec<CanaryLeftOut>,
    /// The file of the old version.
    pub(super) whole_before: Option<ContentHash>,
}

impl<'r> Layers<'r> {
    pub(super) fn new(inner: &RuntimeInner, comparison: &Arc<Comparison>, chosen: Chosen<'r>) -> Layers<'r> {
        let state = inner.state();
        // 0 would mean the world of the call.
        let (next, generation) = (state.objects().patches().next_number(), state.serial().max(1));
        let comparison = Arc::clone(comparison);
        let (patches, methods, left_out, whole_before) = (Vec::new(), Vec::new(), Vec::new(), None);
        Layers { comparison, chosen, next, generation, patches, methods, left_out, whole_before }
    }

    /// Makes those around the methods of the providers that a candidate may stand in for.
    ///
    /// # Errors
    /// `State` if the candidate and the instance that serves have a dependency from different services; `Invalid` if
    /// there can be none around a method that is named in full, or, of a canary of requests, around any.
    pub(super) fn around(&mut self, inner: &Arc<RuntimeInner>, auditioned: &Auditioned) -> Result<()> {
        let Auditioned { instance, providers, .. } = auditioned;
        for &provider in providers {
            let old = old_version(inner, provider, instance)?;
            self.whole_before = old.component.origin.as_ref().map(Origin::whole);
            let owner: Arc<str> = id(NAME, self.next).to_string().into();
            let mut methods = Vec::new();
            for method in &old.manifest.methods {
                let name = format!("{}.{}", old.manifest.interface, method.shape.name().unwrap_or_default());
                let is_open = match &mut self.chosen {
                    Chosen::All => Some(true),
                    // A request is served whole.
                    Chosen::Requests(_) => Some(false),
                    Chosen::Matching(met) => met.is_meant(&name),
                    Chosen::Copies(meant, _) => meant.is_meant(&name),
                };
                let Some(is_open) = is_open else { continue };
                match self.layer((inner, provider), &old, method, (instance, is_open)) {
                    Ok(kind) => {
                        let layers = vec![Layer::new(&owner, kind)];
                        methods.push(PatchedMethod { shape: method.shape.clone(), crossing: None, layers });
                        self.methods.push(name);
                    }
                    Err(why) if is_open => {
                        if let Chosen::Matching(met) = &mut self.chosen {
                            met.leave_out(&name, &why);
                        }
                        self.left_out.push(CanaryLeftOut { method: name, why });
                    }
                    Err(why) => {
                        let text = match &self.chosen {
                            Chosen::Requests(_) => format!(
                                "both versions would serve parts of a request that calls {name}, since that stays with \
                                 the old one: {why}; give the new version a share of the calls, or put it on trial"
                            ),
                            Chosen::Copies(..) => format!("there is no shadow of {name}: {why}"),
                            Chosen::All | Chosen::Matching(_) => format!("there is no canary of {name}: {why}"),
                        };
                        return Err(Error::new(ErrorKind::Invalid, text));
                    }
                }
            }
            if !methods.is_empty() {
                self.patches.push(Arc::new(Patch {
                    kind: Kind::Canary,
                    number: self.next,
                    name: NAME.to_owned(),
                    component: old.component.id.name.clone(),
                    interface: old.manifest.interface.clone(),
                    methods,
                    export: None,
                    library: None,
                }));
                self.next += 1;
            }
        }
        Ok(())
    }

    /// The layer around a method, or why there is none.
    fn layer(
        &mut self,
        (inner, provider): (&Arc<RuntimeInner>, ProviderId),
        old: &Arc<Implementation>,
        method: &MethodManifest,
        (instance, is_open): (&Instance, bool),
    ) -> std::result::Result<Box<dyn Around>, String> {
        let (interface, name) = (&*old.manifest.interface, method.shape.name().unwrap_or_default());
        let new = instance.implementation();
        if method.shape.returns_polled() {
            return Err("it is polled, and a hook would be one around each poll".to_owned());
        }
        let face = new.face(interface).ok_or_else(|| format!("`{}` does not implement {interface}", new.component))?;
        let Some(found) = face.method(name) else {
            return Err(format!("`{}` lacks it, and handles run the body that the trait has", new.component));
        };
        let new_method = &face.methods[found];
        let (old_shape, new_shape) = (&method.shape, &new_method.shape);
        let differs = shape::compare(old_shape, new_shape).or_else(|| shape::compare(new_shape, old_shape));
        if let Some(difference) = differs {
            return Err(format!("`{}` has another signature: {difference}", new.component));
        }
        let packed = instance.packed(interface, name);
        // What is printed of a canary are values of the candidate, which may keep more secret than the old version.
        let signature = Signature::new(&new.component.to_string(), interface, new_method);
        let signature = signature.map_err(|error| error.to_string())?;
        let (Some((pair, crossing)), Some(_)) = (packed, old.crossing(interface, name)) else {
            return Err("one of the versions has no thunks; build it again with this version of lcr".to_owned());
        };
        let beginning = Beginning { component: new.component.to_string(), generation: self.generation };
        let candidate = Candidate { method: pair, crossing, beginning };
        match &mut self.chosen {
            Chosen::All => Ok(Canary::layer(&self.comparison, Arc::new(signature), None, candidate)),
            Chosen::Requests(requests) => Ok(Requests::layer(requests, Arc::new(signature), candidate)),
            Chosen::Matching(met) => {
                let signature = Arc::new(signature);
                let matching = met.of(signature.name(), (method, new_method), &signature)?;
                Ok(Canary::layer(&self.comparison, signature, Some(matching), candidate))
            }
            Chosen::Copies(_, copies) => {
                let versions = Versions { inner, provider, old, method, candidate: instance, new_method };
                let shadowed = versions.shadowed(candidate, signature, is_open, &self.comparison)?;
                Ok(Shadow::layer(&self.comparison, copies, shadowed))
            }
        }
    }

    /// Refuses a pattern that means no method, and a condition that no call can meet.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`
    pub(super) fn check(&self) -> Result<()> {
        match &self.chosen {
            Chosen::All | Chosen::Requests(_) => Ok(()),
            Chosen::Matching(met) => met.check(),
            Chosen::Copies(meant, _) => meant.check(),
        }
    }

    /// Why there is no layer.
    pub(super) fn nothing(&self) -> Error {
        let text = match self.left_out.first() {
            Some(CanaryLeftOut { method, why }) => {
                format!("no method could be given to the candidate: {method} stays, as {why}; put it on trial instead")
            }
            None => "the component has no method that could be given to the candidate".to_owned(),
        };
        Error::new(ErrorKind::Invalid, text)
    }
}

/// The implementation that serves a provider.
fn old_version(inner: &RuntimeInner, provider: ProviderId, candidate: &Instance) -> Result<Arc<Implementation>> {
    let state = inner.state();
    let objects = state.objects();
    let Some(found) = objects.registry().get(provider) else {
        return Err(Error::new(ErrorKind::Stale, "the component was removed meanwhile; build the plan anew"));
    };
    let shared = found.shared().and_then(|id| objects.services().get(id));
    if let Some(interface) = shared.and_then(|shared| candidate.need_not_shared_with(shared.instance())) {
        let text = format!(
            "the candidate would have {interface} from another component than `{}` has, so they would not share what \
             is kept there; a replacement would change that, too: commit the plan, on trial if need be",
            found.implementation().component
        );
        return Err(Error::new(ErrorKind::State, text));
    }
    Ok(Arc::clone(found.implementation()))
}
