//! The manifest of what no image declares: see [`ExportManifest::without_methods`].

use std::sync::OnceLock;

use super::ExportManifest;
use crate::component::identity::ComponentId;

impl ExportManifest {
    /// What stands for the manifest of what no image has: an implementation of nothing.
    pub(in crate::host) fn without_methods(component: ComponentId) -> ExportManifest {
        ExportManifest {
            component,
            type_name: String::new(),
            toolchain: String::new(),
            target: String::new(),
            panic_abort: false,
            protected: false,
            unload: false,
            has_health_check: false,
            state_version: None,
            is_incremental: false,
            kept: None,
            downgrades_to: Vec::new(),
            interface: String::new(),
            interface_version: 1,
            replaces: Vec::new(),
            deps: Vec::new(),
            methods: Vec::new(),
            patch: None,
            source: None,
            record: Box::default(),
            methods_at: 0..0,
            encoded: OnceLock::new(),
            by_name: Box::default(),
        }
    }
}
