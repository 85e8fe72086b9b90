//! The methods that callers can call: those of a library file, or of the components of a runtime with the patches that
//! stand on them.

use std::sync::Arc;

use serde::Serialize;

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
};

use super::{
    image::{
        content_hash::ContentHash,
        manifest::{ExportManifest, MethodManifest},
        shape::Shape,
    },
    objects::{component::Implementation, patches::Patches},
    runtime::Runtime,
};

/// One interface of a component, with its methods. serde writes it as an object of these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exported {
    /// The component and its version.
    #[serde(flatten)]
    pub component: ComponentId,
    /// The content hash of its file; `None` if it is linked into the program, or if only the manifest is known.
    pub hash: Option<ContentHash>,
    /// The name of the interface.
    pub interface: String,
    /// The version of the interface.
    pub interface_version: u32,
    /// The implementing type, as the source has it.
    pub type_name: String,
    /// The methods, in the order of their ids.
    pub methods: Vec<ExportedMethod>,
}

/// One method of an [`Exported`] interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportedMethod {
    /// Its place in the interface as this version of the component knows it, from 0.
    pub id: usize,
    /// Its name.
    pub name: String,
    /// Its signature as its author wrote it: see [`MethodManifest::signature`].
    pub signature: String,
    /// Its signature without names of arguments, and behind it the structs and enums of its types: methods of which
    /// this is the same take and return the same values.
    #[serde(rename = "types")]
    pub spelled_out: String,
    /// Its arguments, in order and without `self`.
    pub arguments: Vec<ExportedArgument>,
    /// Whether its author says by `#[lcr(pure)]` that a call changes nothing.
    #[serde(rename = "pure")]
    pub is_pure: bool,
    /// Whether the trait has a default body for it, so that a component may lack it.
    pub has_default: bool,
    /// Whether it is an `async fn`, or returns a stream.
    #[serde(rename = "polled")]
    pub is_polled: bool,
    /// The patches that change it now, the outermost first.
    pub patches: Vec<ExportedPatch>,
}

/// One argument of an [`ExportedMethod`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportedArgument {
    /// Its name; `None` if it is not known.
    pub name: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether its author says by `#[abi(secret)]` that its value must not be shown.
    #[serde(rename = "secret")]
    pub is_secret: bool,
}

/// A patch that changes an [`ExportedMethod`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExportedPatch {
    /// Its number: see [`PatchInfo::number`](crate::PatchInfo::number).
    pub number: u64,
    /// Its name.
    pub name: String,
}

impl Exported {
    /// What a manifest says, of a component that is not patched.
    pub fn of(manifest: &ExportManifest) -> Exported {
        Exported {
            component: manifest.component.clone(),
            hash: None,
            interface: manifest.interface.clone(),
            interface_version: manifest.interface_version,
            type_name: manifest.type_name.clone(),
            methods: manifest.methods.iter().enumerate().map(|(id, method)| ExportedMethod::of(id, method)).collect(),
        }
    }

    fn with_patches(mut self, manifest: &ExportManifest, patches: &Patches) -> Exported {
        for method in &mut self.methods {
            let standing = patches.of_method(manifest, &method.name);
            method.patches = standing.map(|(number, name)| ExportedPatch { number, name: name.to_owned() }).collect();
        }
        self
    }
}

impl ExportedMethod {
    fn of(id: usize, method: &MethodManifest) -> ExportedMethod {
        let argument = |(place, shape): (usize, &Shape)| ExportedArgument {
            name: method.arguments.get(place).cloned(),
            type_name: shape.to_string(),
            is_secret: method.is_secret(place),
        };
        ExportedMethod {
            id,
            name: method.shape.name().unwrap_or_default().to_owned(),
            signature: method.signature(),
            spelled_out: method.shape.spelled_out(),
            arguments: method.shape.arguments().enumerate().map(argument).collect(),
            is_pure: method.is_pure,
            has_default: method.has_default,
            is_polled: method.shape.returns_polled(),
            patches: Vec::new(),
        }
    }
}

impl Runtime {
    /// The interfaces that callers can call now, with their methods and the patches on these: of one component, or of
    /// all, in the order of components and interfaces. Runs no code of a component and waits for none.
    ///
    /// # Errors
    /// `NotFound` if no component of that name is present.
    pub fn exports(&self, component: Option<&str>) -> Result<Vec<Exported>> {
        let state = self.inner().state();
        let (registry, patches) = (state.objects.registry(), state.objects.patches());
        let present = registry.committed().map(|(_, provider)| provider.implementation());
        let meant = present.filter(|present| component.is_none_or(|name| present.component.id.name == name));
        let export = |present: &Arc<Implementation>| {
            let hash = present.component.origin.as_ref().map(|origin| origin.hash);
            Exported { hash, ..Exported::of(&present.manifest) }.with_patches(&present.manifest, patches)
        };
        let mut exports: Vec<Exported> = meant.map(export).collect();
        drop(state);
        if let (Some(name), []) = (component, &exports[..]) {
            let text = format!("component `{name:.200}` is not present; `status` names those that are");
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        exports.sort_by(|one, other| {
            let key =
                |export: &Exported| (export.component.clone(), export.interface.clone(), export.interface_version);
            key(one).cmp(&key(other))
        });
        Ok(exports)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[lcr::interface(name = "exported.desk", version = 3, patches)]
    trait Desk {
        #[lcr(pure)]
        fn read(&self, page: u32) -> Option<String>;
        fn write(&self, page: u32, #[abi(secret)] text: &str);
        async fn wait(&self) -> u8 {
            1
        }
    }

    #[derive(Default)]
    struct Wood;

    #[lcr::component(name = "exported-wood", version = "2.1.0")]
    impl Desk for Wood {
        fn read(&self, page: u32) -> Option<String> {
            Some(page.to_string())
        }
        fn write(&self, _: u32, _: &str) {}
    }

    #[test]
    fn exports_tell_signatures_marks_and_patches() {
        let rt = Runtime::new().unwrap();
        let patched = rt.patch::<dyn Desk>("blank").methods(|methods| methods.read(|_, _| None)).commit().unwrap();
        let exports = rt.exports(Some("exported-wood")).unwrap();
        let [export] = &exports[..] else { panic!("{exports:?}") };
        assert_eq!((&*export.interface, export.interface_version, &*export.type_name), ("exported.desk", 3, "Wood"));
        assert_eq!(export.component.to_string(), "exported-wood 2.1.0");
        let [read, write, wait] = &export.methods[..] else { panic!("{export:?}") };
        assert_eq!(read.signature, "fn read(&self, page: u32) -> Option<String>");
        assert_eq!(write.signature, "fn write(&self, page: u32, text: &str)");
        assert_eq!(wait.signature, "async fn wait(&self) -> u8");
        assert_eq!([read.id, write.id, wait.id], [0, 1, 2]);
        assert_eq!([read.is_pure, write.is_pure, wait.is_pure], [true, false, false]);
        assert_eq!([read.has_default, wait.has_default, write.is_polled, wait.is_polled], [false, true, false, true]);
        let secrets: Vec<_> = write.arguments.iter().map(|argument| argument.is_secret).collect();
        assert_eq!((secrets, write.arguments[1].name.as_deref()), (vec![false, true], Some("text")));
        let blank = ExportedPatch { number: patched.number(), name: "blank".to_owned() };
        assert_eq!(read.patches, [blank]);
        assert!(write.patches.is_empty());
        drop(patched);
        assert_eq!(rt.exports(Some("nobody")).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(rt.exports(None).unwrap().len() > 1);
    }
}
