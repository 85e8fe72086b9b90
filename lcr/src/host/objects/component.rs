//! A [`Component`] that was loaded from a file or is linked into the host, and an
//! [`Implementation`]: one of its exports.

use std::{
    collections::HashMap,
    fmt,
    path::PathBuf,
    ptr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    abi::{
        tables::{self, HostTable},
        world::Target,
    },
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
    host::{
        ids::ViewId,
        image::{
            allocator::Allocator,
            content_hash::ContentHash,
            library::{Image, Refused},
            link::{Functions, View, Views, link},
            manifest::ExportManifest,
            stage::Staged,
        },
    },
};

use super::provided::Object;

/// A component that was loaded from a file or is linked into the host.
pub(crate) struct Component {
    pub(crate) id: ComponentId,
    /// Its file and image; `None` if the component is linked into the host.
    pub(crate) origin: Option<Origin>,
    /// Whether its image may be unmapped: all of its implementations opted in.
    pub(crate) unload: bool,
    /// Whether a state that moved by pointer may point into its image, which then stays mapped.
    is_pointed_into: AtomicBool,
}

/// A loaded component's file.
pub(crate) struct Origin {
    pub(crate) source: PathBuf,
    pub(crate) hash: ContentHash,
    pub(crate) image: Image,
}

impl Component {
    /// The component of an export that is linked into the host.
    pub(crate) fn linked(manifest: &ExportManifest) -> Arc<Component> {
        Arc::new(Component {
            id: manifest.component.clone(),
            origin: None,
            unload: false,
            is_pointed_into: AtomicBool::new(false),
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
        let origin = Origin { source: staged.source.clone(), hash: staged.hash, image };
        let id = manifest.component.clone();
        let unload = manifest.exports.iter().all(|export| export.unload);
        let component =
            Arc::new(Component { id, origin: Some(origin), unload, is_pointed_into: AtomicBool::new(false) });
        let implementations = manifest.exports.iter().zip(exports);
        Ok(implementations
            .map(|(manifest, export)| Implementation::new(Arc::clone(&component), manifest.clone(), export))
            .collect())
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

    /// The size of its image in memory, in bytes; 0 if the component is linked into the host.
    pub(crate) fn image_bytes(&self) -> usize {
        self.origin.as_ref().map_or(0, |origin| origin.image.mapped_bytes())
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

/// One implementation of one interface by one component.
pub(crate) struct Implementation {
    pub(crate) component: Arc<Component>,
    pub(crate) manifest: ExportManifest,
    pub(crate) export: &'static tables::Export,
    functions: Mutex<HashMap<ViewId, Arc<Functions>>>,
    /// The object of the program that its instances are; `None` if its instances are constructed.
    object: Option<Object>,
}

impl Implementation {
    pub(crate) fn new(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
    ) -> Arc<Implementation> {
        Arc::new(Implementation { component, manifest, export, functions: Mutex::default(), object: None })
    }

    /// The implementation whose instances are counts of an object of the program.
    pub(super) fn of_object(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
        object: Object,
    ) -> Arc<Implementation> {
        let object = Some(object);
        Arc::new(Implementation { component, manifest, export, functions: Mutex::default(), object })
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

    /// Whether its instances were an object of the program that was taken out of the runtime meanwhile.
    pub(in crate::host) fn lacks_object(&self) -> bool {
        self.object.as_ref().is_some_and(Object::is_taken)
    }

    /// Takes out the object of the program that its instances are, if they are one: the address of the
    /// object, with the count that the implementation had. No further instance is made.
    pub(super) fn take_object(&self) -> Option<usize> {
        self.object.as_ref()?.take()
    }

    /// Refuses a view that the implementation cannot serve.
    ///
    /// # Errors
    /// `Mismatch`, with the first method that it cannot serve, and why.
    pub(crate) fn link(&self, view: ViewId, views: &Views) -> Result<()> {
        self.functions(view, views.get(view)).map(drop)
    }

    /// The target of a slot of `view` that the object at `address` serves.
    ///
    /// # Errors
    /// As for [`Implementation::link`].
    pub(in crate::host) fn target(&self, address: usize, view: ViewId, views: &Views) -> Result<Target> {
        let functions = self.functions(view, views.get(view))?;
        Ok(Target { data: ptr::with_exposed_provenance(address), methods: functions.address() })
    }

    /// The implementation's functions in the order of `view`. Links them on first use; they live as long as
    /// the implementation.
    fn functions(&self, id: ViewId, view: &View) -> Result<Arc<Functions>> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = functions.get(&id) {
            return Ok(Arc::clone(found));
        }
        let places = link(view, &self.manifest)?;
        let linked = Arc::new(Functions::new(&places, self.export));
        functions.insert(id, Arc::clone(&linked));
        Ok(linked)
    }

    /// Whether the implementation may serve handles of this version of the interface.
    pub(crate) fn serves(&self, version: u32) -> bool {
        self.manifest.interface_version == version || self.manifest.replaces.contains(&version)
    }
}
