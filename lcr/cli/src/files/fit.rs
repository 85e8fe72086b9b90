//! `diff`: what a replacement of one file by another one changes, and whether it would be refused.

use std::path::Path;

use lcr::{
    manifest::{InterfaceFit, Manifest},
    report::ContentHash,
};
use serde::Serialize;

use crate::{
    arguments::Diff,
    exit::{Failure, Outcome},
    output::{Output, Style},
};

/// Compares two files as a replacement would.
pub(crate) fn diff(arguments: &Diff, output: &Output) -> Result<Outcome, Failure> {
    compare(&arguments.old, &arguments.new, output)
}

/// Says whether `new` can take the place of `old`.
pub(crate) fn compare(old: &Path, new: &Path, output: &Output) -> Result<Outcome, Failure> {
    let (old, old_hash) = Manifest::read_hashed(old)?;
    let (new, new_hash) = Manifest::read_hashed(new)?;
    let fit = old.fit(&new);
    if output.is_json() {
        let side = |manifest: &Manifest, hash| {
            let component = &manifest.component;
            Side { component: component.name.clone(), version: component.version.to_string(), hash }
        };
        let document = Document {
            fits: fit.fits(),
            begins_to_abort: fit.begins_to_abort,
            interfaces: fit.interfaces.iter().map(|fit| Interface { fits: fit.fits(), fit }).collect(),
            old: side(&old, old_hash),
            new: side(&new, new_hash),
        };
        output.json(&document)?;
        return Ok(Outcome::of(fit.fits()));
    }
    let head = format!("{} -> {}", old.component, new.component);
    let mut text = format!("{}\n", output.paint(Style::Strong, head));
    if old_hash == new_hash {
        text += "  the same bytes\n";
    }
    for line in fit.to_string().lines() {
        let style = match line.trim_start().as_bytes().first() {
            Some(b'+') => Style::Good,
            Some(b'!' | b'-') => Style::Bad,
            _ if line.starts_with(' ') => Style::Faint,
            _ => Style::Strong,
        };
        text += &format!("  {}\n", output.paint(style, line));
    }
    text += &match fit.fits() {
        true => format!("{}\n", output.paint(Style::Good, "can take its place")),
        false => format!("{}\n", output.paint(Style::Bad, "cannot take its place")),
    };
    output.text(&text)?;
    Ok(Outcome::of(fit.fits()))
}

/// A [`Fit`](lcr::manifest::Fit), with what it comes to.
#[derive(Serialize)]
struct Document<'a> {
    fits: bool,
    begins_to_abort: bool,
    interfaces: Vec<Interface<'a>>,
    old: Side,
    new: Side,
}

#[derive(Serialize)]
struct Interface<'a> {
    fits: bool,
    #[serde(flatten)]
    fit: &'a InterfaceFit,
}

/// One of the two files.
#[derive(Serialize)]
struct Side {
    component: String,
    version: String,
    hash: ContentHash,
}
