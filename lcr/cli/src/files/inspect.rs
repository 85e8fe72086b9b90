//! `inspect`: what a library says of its component.

use std::{collections::BTreeMap, fs};

use lcr::{
    manifest::{DependencyManifest, ExportManifest, Manifest, MethodManifest},
    report::ContentHash,
    shape::{Kind, Shape},
};
use serde_json::{Value as Json, json};

use crate::{
    arguments::Inspect,
    exit::{Failure, Outcome},
    output::{Output, Style, bytes},
};

/// Prints the manifest of a file, its hash and its size.
pub(crate) fn inspect(arguments: &Inspect, output: &Output) -> Result<Outcome, Failure> {
    let (manifest, hash) = Manifest::read_hashed(&arguments.file)?;
    let size = fs::metadata(&arguments.file).map_or(0, |metadata| metadata.len());
    if output.is_json() {
        output.json(&document(&manifest, hash, size))?;
        return Ok(Outcome::Done);
    }
    let mut text = format!("{}\n", output.paint(Style::Strong, &manifest.component));
    if let Some(export) = manifest.exports.first() {
        text += &format!("  built by  {}, for {}\n", export.toolchain, export.target);
    }
    text += &format!("  file      {}, {}\n  hash      {hash}\n", arguments.file.display(), bytes(size));
    for export in &manifest.exports {
        text += &interface(export, output);
    }
    if arguments.types {
        text += &types(&manifest, output);
    }
    output.text(&text)?;
    Ok(Outcome::Done)
}

/// One implementation, as people read it.
fn interface(export: &ExportManifest, output: &Output) -> String {
    let name = format!("{} v{}", export.interface, export.interface_version);
    let mut text = format!("\n{}, by {}\n", output.paint(Style::Strong, name), export.type_name);
    for method in &export.methods {
        let marks = match (method.is_pure, method.has_default) {
            (false, false) => "",
            (true, false) => "  (pure)",
            (false, true) => "  (has a default body)",
            (true, true) => "  (pure; has a default body)",
        };
        text += &format!("    {}{}\n", method.signature(), output.paint(Style::Faint, marks));
    }
    if let Some(patch) = &export.patch {
        let component = patch.component.as_ref().map_or_else(
            || format!("what serves callers of {} who name no component", patch.interface),
            |component| format!("component `{component}`"),
        );
        text += &format!("  stands around these methods of {component}\n");
    }
    for version in &export.replaces {
        text += &format!("  serves callers of v{version}, too\n");
    }
    for need in &export.deps {
        text += &format!("  needs {} v{}\n", need.interface, need.version);
    }
    if let Some(version) = export.state_version {
        text += &format!("  state v{version}: {}\n", ways(export).join("; else "));
        for older in &export.downgrades_to {
            text += &format!("  state v{older}: written at a rollback to a component with that version\n");
        }
    }
    for (_, meaning) in flags(export).iter().filter(|(is_set, _)| *is_set) {
        text += &format!("  {meaning}\n");
    }
    text
}

fn flags(export: &ExportManifest) -> [(bool, &'static str); 5] {
    [
        (export.has_source(), "has its source text: see `lcr source`"),
        (export.has_health_check, "has a health check"),
        (export.protected, "protected: a change needs an override"),
        (export.unload, "may be unmapped once nothing holds it"),
        (export.panic_abort, "a panic in it ends the process"),
    ]
}

/// The ways in which the state of an implementation can move, best first.
fn ways(export: &ExportManifest) -> Vec<&'static str> {
    let mut ways = Vec::new();
    let kept = export.kept.as_ref();
    if kept.is_some_and(|kept| kept.memory.is_some()) {
        ways.push("by pointer to a component that keeps the same type");
    }
    if export.is_incremental {
        ways.push("copied while callers go on");
    }
    match kept {
        Some(kept) if kept.copies => ways.push("copied by serde"),
        None if !export.is_incremental => ways.push("copied by save and restore"),
        _ => {}
    }
    ways
}

/// The structs and enums of the signatures, spelled out.
fn types(manifest: &Manifest, output: &Output) -> String {
    let mut found = BTreeMap::new();
    for method in manifest.exports.iter().flat_map(|export| &export.methods) {
        method.shape.arguments().chain(method.shape.result()).for_each(|shape| gather(shape, &mut found));
    }
    if found.is_empty() {
        return String::new();
    }
    let lines: String = found.values().map(|text| format!("    {text}\n")).collect();
    format!("\n{}\n{lines}", output.paint(Style::Strong, "types"))
}

/// Adds every struct and enum inside a shape. A shape is of bounded depth.
fn gather(shape: &Shape, found: &mut BTreeMap<String, String>) {
    if matches!(shape.kind(), Kind::Struct | Kind::Enum)
        && found.insert(shape.to_string(), format!("{shape:#}")).is_some()
    {
        return;
    }
    shape.fields().for_each(|field| gather(field.shape, found));
    shape.variants().for_each(|variant| gather(variant.shape, found));
    shape.arguments().chain(shape.result()).chain(shape.element()).for_each(|inner| gather(inner, found));
    if let Some((ok, err)) = shape.ok_and_err() {
        gather(ok, found);
        gather(err, found);
    }
}

fn document(manifest: &Manifest, hash: ContentHash, size: u64) -> Json {
    let methods = |methods: &[MethodManifest]| -> Vec<Json> {
        let method = |method: &MethodManifest| {
            json!({
                "name": method.shape.name(),
                "signature": method.signature(),
                "arguments": method.arguments,
                "pure": method.is_pure,
                "has_default": method.has_default,
            })
        };
        methods.iter().map(method).collect()
    };
    let need = |need: &DependencyManifest| {
        json!({
            "interface": need.interface,
            "version": need.version,
            "methods": need.methods.as_deref().map(methods),
        })
    };
    let export = |export: &ExportManifest| {
        json!({
            "interface": export.interface,
            "version": export.interface_version,
            "replaces": export.replaces,
            "type": export.type_name,
            "patch": export.patch.as_ref().map(|patch| json!({
                "interface": patch.interface,
                "component": patch.component,
            })),
            "methods": methods(&export.methods),
            "needs": export.deps.iter().map(need).collect::<Vec<_>>(),
            "state": export.state_version.map(|version| json!({
                "version": version,
                "by_pointer": export.kept.as_ref().is_some_and(|kept| kept.memory.is_some()),
                "by_copy": export.kept.as_ref().is_none_or(|kept| kept.copies),
                "ahead": export.is_incremental,
                "downgrades_to": export.downgrades_to,
            })),
            "health_check": export.has_health_check,
            "protected": export.protected,
            "unload": export.unload,
            "panic_abort": export.panic_abort,
            "has_source": export.has_source(),
        })
    };
    json!({
        "component": manifest.component.name,
        "version": manifest.component.version.to_string(),
        "hash": hash.to_string(),
        "bytes": size,
        "toolchain": manifest.exports.first().map(|export| &export.toolchain),
        "target": manifest.exports.first().map(|export| &export.target),
        "interfaces": manifest.exports.iter().map(export).collect::<Vec<_>>(),
    })
}
