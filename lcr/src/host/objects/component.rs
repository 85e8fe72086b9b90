//! A [`Component`] that was loaded from a file or is linked into the host, and an
//! [`Implementation`]: one of its exports.

use std::{
    collections::HashMap,
    fmt, ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    abi::{
        crossing::Crossing,
        tables::{self, HostTable, Verdict},
    },
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
    host::{
        ids::ViewId,
        image::{
            allocator::{Allocator, Whose},
            library::{Image, Refused},
            link::{Functions, Views},
            manifest::{DependencyManifest, ExportManifest},
            stage::{KeptFile, Staged},
        },
    },
};

use super::{faces::Faces, faults::Faults, origin::Origin, provided::Object};

/// A component that was loaded from a file or is linked into the host.
pub(crate) struct Component {
    pub(crate) id: ComponentId,
    /// Its file and image; `None` if the component is linked into the host.
    pub(crate) origin: Option<Origin>,
    /// Whether its image may be unmapped: all of its implementations opted in.
    pub(crate) unload: bool,
    /// Whether a state that moved by pointer may point into its image, which then stays mapped.
    is_pointed_into: AtomicBool,
    /// Counted by each of its instances, until its destructor has returned.
    uses: Arc<()>,
}

impl Component {
    /// The component of an export that is linked into the host.
    pub(crate) fn linked(manifest: &ExportManifest) -> Arc<Component> {
        Arc::new(Component {
            id: manifest.component.clone(),
            origin: None,
            unload: false,
            is_pointed_into: AtomicBool::new(false),
            uses: Arc::default(),
        })
    }

    /// Maps a staged library, runs its initialisers and gives it the functions of `host`. Returns the
    /// implementations in the order of its manifest.
    ///
    /// # Errors
    /// Those of [`Image::open`].
    pub(in crate::host) fn load(
        staged: &Staged,
        host: &'static HostTable,
    ) -> Result<Vec<Arc<Implementation>>, Refused> {
        let (image, exports) = Image::open(staged, host)?;
        let manifest = &staged.manifest;
        let id = manifest.component.clone();
        let unload = manifest.exports.iter().all(|export| export.unload);
        let again = if unload { kept(staged) } else { None };
        let beside = staged.beside.clone();
        let origin = Some(Origin { source: staged.source.clone(), hash: staged.hash, beside, image, again });
        let is_pointed_into = AtomicBool::new(false);
        let component = Arc::new(Component { id, origin, unload, is_pointed_into, uses: Arc::default() });
        let declared = manifest.exports.iter().zip(exports);
        let declared = declared.map(|(manifest, registered)| Declared {
            component: Arc::clone(&component),
            manifest: manifest.clone(),
            export: registered.export,
            object: registered.object,
        });
        let mapped = component.image_bytes();
        Implementation::of(declared.collect())
            .map_err(|error| Refused { error: error.at(staged.source.display().to_string()), mapped: Some(mapped) })
    }

    /// What its image was made of.
    pub(in crate::host) fn whose(&self) -> Whose {
        match &self.origin {
            None => Whose::Host,
            Some(origin) if origin.image.has_libraries_beside() => Whose::Several,
            Some(origin) => Whose::File(origin.hash),
        }
    }

    /// The global allocator of its image.
    pub(crate) fn allocator(&self) -> Allocator {
        self.origin.as_ref().map_or_else(Allocator::of_host, |origin| origin.image.allocator())
    }

    /// Notes that a state that moves by pointer may point into its image.
    pub(crate) fn note_pointed_into(&self) {
        self.is_pointed_into.store(true, Ordering::Relaxed);
    }

    /// Whether a state that moved by pointer may point into its image.
    pub(in crate::host) fn is_pointed_into(&self) -> bool {
        self.is_pointed_into.load(Ordering::Relaxed)
    }

    /// A count of the component's instances, for one of them.
    pub(in crate::host) fn uses(&self) -> &Arc<()> {
        &self.uses
    }

    /// The size of its image in memory, in bytes; 0 if the component is linked into the host.
    pub(crate) fn image_bytes(&self) -> usize {
        self.origin.as_ref().map_or(0, |origin| origin.image.mapped_bytes())
    }
}

/// The file for another load of a component whose image may be unmapped. Where the file system refuses that, the
/// component cannot be gone back to, and is loaded all the same.
fn kept(staged: &Staged) -> Option<Arc<KeptFile>> {
    match staged.keep() {
        Ok(file) => Some(Arc::new(file)),
        Err(error) => {
            tracing::warn!(file = %staged.source.display(), %error, "the file is not kept for a rollback");
            None
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl AsRef<ComponentId> for Component {
    fn as_ref(&self) -> &ComponentId {
        &self.id
    }
}

/// An implementation as its image registers it.
pub(in crate::host) struct Declared {
    pub(in crate::host) component: Arc<Component>,
    pub(in crate::host) manifest: ExportManifest,
    pub(in crate::host) export: &'static tables::Export,
    /// Implementations of one component and one number share their objects.
    pub(in crate::host) object: u32,
}

/// One implementation of one interface by one component.
pub(crate) struct Implementation {
    pub(crate) component: Arc<Component>,
    /// What the component says of it. Its needs are those of all implementations that share its objects, and its state
    /// is that of the objects, whichever of them declares it.
    pub(crate) manifest: Arc<ExportManifest>,
    /// The functions that construct, save, restore and destroy its objects.
    pub(crate) export: &'static tables::Export,
    /// What its objects serve: the interface of this implementation, and of those that share its objects.
    faces: Arc<Faces>,
    /// The object of the program that its instances are; `None` if its instances are constructed.
    object: Option<Object>,
    faults: Arc<Faults>,
}

impl Implementation {
    /// An implementation with objects of its own.
    #[cfg(test)]
    pub(crate) fn new(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
    ) -> Arc<Implementation> {
        Implementation::alone(component, manifest, export, None)
    }

    /// The implementation whose instances are counts of an object of the program.
    pub(super) fn of_object(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
        object: Object,
    ) -> Arc<Implementation> {
        Implementation::alone(component, manifest, export, Some(object))
    }

    /// What stands for the implementation of hooks that are destroyed, which are a `T`. It serves nothing.
    pub(super) fn of_hooks<T: Send + Sync + 'static>(name: &ComponentId) -> Arc<Implementation> {
        let manifest = ExportManifest::without_methods(name.clone());
        let component = Component::linked(&manifest);
        let export = const { &tables::Export::of_shared::<T>(&[]) };
        Implementation::alone(component, manifest, export, None)
    }

    /// What one of the interfaces of its objects is implemented as.
    pub(crate) fn face(&self, interface: &str) -> Option<&Arc<ExportManifest>> {
        self.faces.manifest(interface)
    }

    fn alone(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
        object: Option<Object>,
    ) -> Arc<Implementation> {
        let manifest = Arc::new(manifest);
        let faces = Faces::of(vec![(Arc::clone(&manifest), export)]);
        Arc::new(Implementation { component, manifest, export, faces, object, faults: Arc::default() })
    }

    /// The implementations of some images, in order. Those that share their objects have one set of faces, the needs
    /// of all of them, and the state that one of them declares.
    ///
    /// # Errors
    /// `Invalid` if two of them declare states of different fields for one object.
    pub(in crate::host) fn of(declared: Vec<Declared>) -> Result<Vec<Arc<Implementation>>> {
        let mut groups: HashMap<(ComponentId, u32), Vec<usize>> = HashMap::new();
        for (at, declared) in declared.iter().enumerate() {
            groups.entry((declared.component.id.clone(), declared.object)).or_default().push(at);
        }
        let mut declared: Vec<Option<Declared>> = declared.into_iter().map(Some).collect();
        let mut implementations: Vec<Option<Arc<Implementation>>> = declared.iter().map(|_| None).collect();
        for places in groups.into_values() {
            let mut group: Vec<Declared> = places.iter().filter_map(|&at| declared[at].take()).collect();
            let mut needs: Vec<DependencyManifest> = Vec::new();
            for need in group.iter().flat_map(|declared| &declared.manifest.deps) {
                if !needs.contains(need) {
                    needs.push(need.clone());
                }
            }
            group.iter_mut().for_each(|declared| declared.manifest.deps.clone_from(&needs));
            let Some(export) = share_state(&mut group)? else { continue };
            let group: Vec<_> = group
                .into_iter()
                .map(|Declared { component, manifest, export, .. }| (component, Arc::new(manifest), export))
                .collect();
            let faces = group.iter().map(|(_, manifest, export)| (Arc::clone(manifest), *export));
            let faces = Faces::of(faces.collect());
            for (&at, (component, manifest, _)) in places.iter().zip(group) {
                let faces = Arc::clone(&faces);
                let faults = Arc::default();
                let implementation = Implementation { component, manifest, export, faces, object: None, faults };
                implementations[at] = Some(Arc::new(implementation));
            }
        }
        Ok(implementations.into_iter().flatten().collect())
    }

    /// The panics that came out of it.
    pub(crate) fn faults(&self) -> &Arc<Faults> {
        &self.faults
    }

    /// Tells its objects from those of other implementations.
    pub(crate) fn objects(&self) -> *const () {
        Arc::as_ptr(&self.faces).cast()
    }

    /// Whether the two have the same objects.
    pub(crate) fn shares_objects_with(&self, other: &Implementation) -> bool {
        ptr::eq(self.objects(), other.objects())
    }

    /// The health checks of its objects.
    pub(super) fn health_checks(&self) -> impl Iterator<Item = unsafe extern "C" fn(usize) -> Verdict> {
        self.faces.health_checks()
    }

    /// If its instances are an object of the program: the address of the object, with a count of its own
    /// for an instance.
    ///
    /// # Errors
    /// `Closed` if the object was taken out of the runtime.
    pub(in crate::host) fn share_object(&self) -> Option<Result<usize>> {
        let gone = || {
            let text = format!("the object `{}` is no longer provided; ask again", self.component);
            Error::new(ErrorKind::Closed, text)
        };
        self.object.as_ref().map(|object| object.share().ok_or_else(gone))
    }

    /// Whether `other` is this implementation, or that of the same object of the program.
    pub(super) fn is_same(&self, other: &Implementation) -> bool {
        ptr::eq(self, other)
            || self.manifest.interface == other.manifest.interface
                && self.object.as_ref().zip(other.object.as_ref()).is_some_and(|(one, other)| one.is_same(other))
    }

    /// This implementation, to be put in place again: itself, or, if its instances are an object of the program, one
    /// of the same object; `None` if the program has dropped the object. Not under a lock.
    pub(super) fn again(self: &Arc<Implementation>) -> Option<Arc<Implementation>> {
        let Some(object) = &self.object else { return Some(Arc::clone(self)) };
        let component = Component::linked(&self.manifest);
        Some(Implementation::of_object(component, (*self.manifest).clone(), self.export, object.again()?))
    }

    /// Whether its instances were an object of the program that was taken out of the runtime meanwhile.
    pub(in crate::host) fn lacks_object(&self) -> bool {
        self.object.as_ref().is_some_and(Object::is_taken)
    }

    /// Takes out the object of the program that its instances are, if they are one: the address of the
    /// object, with the count that the implementation had. No further instance is made.
    pub(super) fn take_object(&self) -> Option<usize> {
        self.object.as_ref()?.take()
    }

    /// Refuses a view that its objects cannot serve.
    ///
    /// # Errors
    /// As for [`Faces::functions`].
    pub(crate) fn link(&self, view: ViewId, views: &Views) -> Result<()> {
        self.faces.functions(view, views.get(view)).map(drop)
    }

    /// Its functions in the order of a view.
    ///
    /// # Errors
    /// As for [`Faces::functions`].
    pub(super) fn functions(&self, view: ViewId, views: &Views) -> Result<Arc<Functions>> {
        self.faces.functions(view, views.get(view))
    }

    /// As [`Faces::crossing`].
    pub(crate) fn crossing(&self, interface: &str, method: &str) -> Option<&'static Crossing> {
        self.faces.crossing(interface, method)
    }

    /// The same; of a polled method [`Faces::start`].
    pub(crate) fn thunks(&self, interface: &str, method: &str) -> Option<&'static Crossing> {
        self.faces.crossing(interface, method).or_else(|| self.faces.start(interface, method))
    }

    /// The interfaces of its objects.
    pub(super) fn faces(&self) -> &Faces {
        &self.faces
    }

    /// Whether the implementation may serve handles of this version of the interface.
    pub(crate) fn serves(&self, version: u32) -> bool {
        self.manifest.interface_version == version || self.manifest.replaces.contains(&version)
    }
}

/// Gives all implementations of a group that shares its objects the state that one of them declares. Returns the export
/// with the functions for that state, or any if the objects have none; `None` for an empty group.
///
/// # Errors
/// `Invalid` if two of them declare the state, unless both save the object as a whole, by the same `Stateful`.
fn share_state(group: &mut [Declared]) -> Result<Option<&'static tables::Export>> {
    let declaring: Vec<&ExportManifest> =
        group.iter().map(|declared| &declared.manifest).filter(|manifest| manifest.state_version.is_some()).collect();
    if let [one, other, ..] = declaring[..]
        && declaring.iter().any(|manifest| manifest.kept.is_some())
    {
        let text = format!(
            "component `{}` declares the state of one object twice, for {} and for {}, and keeps it in an \
             `lcr::State`; declare it for one of the two interfaces, or declare #[lcr::component(separate)] for one",
            one.component, one.interface, other.interface
        );
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    let rank = |declared: &&Declared| {
        let manifest = &declared.manifest;
        (manifest.state_version.is_some(), manifest.is_incremental, !manifest.downgrades_to.is_empty())
    };
    let Some(chosen) = group.iter().max_by_key(rank) else { return Ok(None) };
    let ExportManifest { state_version, is_incremental, ref kept, ref downgrades_to, .. } = chosen.manifest;
    let (kept, downgrades_to, export) = (kept.clone(), downgrades_to.clone(), chosen.export);
    for Declared { manifest, .. } in group {
        (manifest.state_version, manifest.is_incremental) = (state_version, is_incremental);
        manifest.kept.clone_from(&kept);
        manifest.downgrades_to.clone_from(&downgrades_to);
    }
    Ok(Some(export))
}
