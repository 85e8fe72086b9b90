//! Which methods a shadow is of, and how the version that serves is found for a second call.

use std::{
    ptr,
    sync::{Arc, Weak},
};

use crate::{
    abi::{fault::Beginning, world::Pair},
    change::{description::of::text_of, watching::pattern},
    error::{Error, ErrorKind, MethodId, Result},
    host::{
        ids::{ProviderId, ServiceId},
        image::{manifest::MethodManifest, shape},
        objects::{component::Implementation, instances::Instance, provider::Visibility},
        service::inner::RuntimeInner,
        watching::{
            canary::Candidate,
            comparison::Comparison,
            shadowed::{FindOld, Keeper, NoOld, OldVersion, Shadowed, Shown, cannot_be_shadowed},
            signature::Signature,
        },
    },
};

/// The methods that are asked for, by patterns.
pub(super) struct Meant<'r> {
    patterns: &'r [String],
    /// Which of them mean a method.
    found: Vec<bool>,
}

impl<'r> Meant<'r> {
    pub(super) fn new(patterns: &'r [String]) -> Meant<'r> {
        Meant { patterns, found: vec![false; patterns.len()] }
    }

    /// Whether the method is meant, and only together with others.
    pub(super) fn is_meant(&mut self, name: &str) -> Option<bool> {
        pattern::is_meant(self.patterns, &mut self.found, name)
    }

    /// Refuses a pattern that means no method.
    ///
    /// # Errors
    /// `NotFound`
    pub(super) fn check(&self) -> Result<()> {
        let Some(pattern) = pattern::lonely(self.patterns, &self.found) else { return Ok(()) };
        let text = format!(
            "`{pattern:.200}` means no method of the component; name one by interface and method, such as \
             shop.till.total or shop.till.*"
        );
        Err(Error::new(ErrorKind::NotFound, text))
    }
}

/// The two versions of a method.
pub(super) struct Versions<'a> {
    pub(super) inner: &'a Arc<RuntimeInner>,
    pub(super) provider: ProviderId,
    pub(super) old: &'a Arc<Implementation>,
    pub(super) method: &'a MethodManifest,
    pub(super) candidate: &'a Instance,
    pub(super) new_method: &'a MethodManifest,
}

impl Versions<'_> {
    /// The method, of which the candidate gets copies of calls; or why it gets none. `is_open` says that the method is
    /// not named in full, so that its authors have to vouch for it.
    pub(super) fn shadowed(
        &self,
        candidate: Candidate,
        signature: Signature,
        is_open: bool,
        comparison: &Comparison,
    ) -> std::result::Result<Shadowed, String> {
        let Versions { inner, old, method, new_method, .. } = *self;
        if let Some(why) = cannot_be_shadowed(&signature) {
            return Err(why);
        }
        let is_pure = method.is_pure && new_method.is_pure;
        if !is_pure && is_open {
            let text = "it is not declared #[lcr(pure)], so a second call may change something; name it in full if \
                        none does";
            return Err(text.to_owned());
        }
        if let Some(interface) = self.need_with_effects(inner).filter(|_| !is_pure) {
            return Err(format!(
                "it is not declared #[lcr(pure)], and `{}` needs {interface}, whose methods may change something: a \
                 second call might reach it twice",
                self.candidate.implementation().component
            ));
        }
        let hides_all = shape::hides_more(&method.shape, &new_method.shape);
        let counts = comparison.differences().method(signature.name());
        let (old, is_any_order) = (is_pure.then(|| self.find_old(inner, old)), comparison.is_any_order());
        Ok(Shadowed { signature, candidate, old, counts, hides_all, is_any_order })
    }

    /// An interface that the candidate depends on and of which a method is not declared pure.
    fn need_with_effects(&self, inner: &RuntimeInner) -> Option<String> {
        let state = inner.state();
        let services = state.objects().services();
        let has_effects = |(interface, service): &(&str, _)| {
            let face = services.get(*service).and_then(|service| service.instance().implementation().face(interface));
            // What is not known may have any.
            face.is_none_or(|face| face.methods.iter().any(|method| !method.is_pure))
        };
        self.candidate.dependencies().find(has_effects).map(|(interface, _)| interface.to_owned())
    }

    fn find_old(&self, inner: &Arc<RuntimeInner>, old: &Arc<Implementation>) -> FindOld {
        let (weak, provider) = (Arc::downgrade(inner), self.provider);
        let (interface, method) =
            (self.old.manifest.interface.clone(), self.method.shape.name().unwrap_or_default().to_owned());
        let beginning = Beginning { component: old.component.to_string(), generation: 1 };
        let old = Arc::downgrade(old);
        Box::new(move || {
            let serves = Serving::find(&weak, provider, &old)?;
            let (pair, crossing) = serves.instance.packed(&interface, &method).ok_or(NoOld::Gone)?;
            let method = Candidate { method: pair, crossing, beginning: beginning.clone() };
            Ok(OldVersion { method, keeper: Arc::new(serves) })
        })
    }
}

/// The instance that handles share, with a hold on its service, so that it is there also where nobody has a handle:
/// a program may take one for each call.
struct Serving {
    instance: Arc<Instance>,
    service: ServiceId,
    inner: Weak<RuntimeInner>,
}

impl Serving {
    /// Constructs it if there is none, as a handle would.
    ///
    /// # Errors
    /// If another implementation serves, of which nothing is constructed, or if the constructor fails.
    fn find(
        inner: &Weak<RuntimeInner>,
        provider: ProviderId,
        old: &Weak<Implementation>,
    ) -> std::result::Result<Serving, NoOld> {
        let inner = inner.upgrade().ok_or(NoOld::Gone)?;
        let service =
            inner.service_of(provider, Visibility::Committed, Some(old)).map_err(|error| match error.kind() {
                ErrorKind::Stale | ErrorKind::NotFound | ErrorKind::Closed => NoOld::Gone,
                _ => NoOld::Construct(text_of(&error)),
            })?;
        // It has a hold, so it is there, unless the runtime has ended.
        let instance = inner.state().objects().services().get(service).map(|found| Arc::clone(found.instance()));
        let Some(instance) = instance else {
            release(&inner, service);
            return Err(NoOld::Gone);
        };
        let serves = Serving { instance, service, inner: Arc::downgrade(&inner) };
        let is_old = ptr::eq(Arc::as_ptr(serves.instance.implementation()), old.as_ptr());
        is_old.then_some(serves).ok_or(NoOld::Gone)
    }
}

impl Keeper for Serving {
    fn keeps(&self, method: Pair) -> bool {
        self.instance.keeps(method)
    }

    fn enter<'k>(&'k self, name: &str) -> Box<dyn Shown + 'k> {
        self.instance.enter(name)
    }
}

impl Keeper for Instance {
    fn keeps(&self, method: Pair) -> bool {
        self.is_of(method)
    }

    fn enter<'k>(&'k self, name: &str) -> Box<dyn Shown + 'k> {
        let (interface, method) = name.rsplit_once('.').unwrap_or(("", name));
        let (interface, method) = (interface.to_owned(), method.to_owned());
        Box::new(self.beside().enter(MethodId { interface, method }))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.upgrade() {
            release(&inner, self.service);
        }
    }
}

fn release(inner: &RuntimeInner, service: ServiceId) {
    inner.state().release(service);
    inner.wake_reaper();
}
