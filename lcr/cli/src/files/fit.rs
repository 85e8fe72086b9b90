//! `diff`: what a replacement of one file by another one changes, and whether it would be refused.

use std::path::Path;

use lcr::{
    manifest::{Fit, InterfaceFit, Manifest, MethodFit, StateFit},
    report::ContentHash,
};
use serde_json::{Value as Json, json};

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
        let side = |manifest: &Manifest, hash: ContentHash| {
            json!({
                "component": manifest.component.name,
                "version": manifest.component.version.to_string(),
                "hash": hash.to_string(),
            })
        };
        let mut document = document(&fit);
        document["old"] = side(&old, old_hash);
        document["new"] = side(&new, new_hash);
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

fn document(fit: &Fit) -> Json {
    json!({
        "fits": fit.fits(),
        "begins_to_abort": fit.begins_to_abort,
        "interfaces": fit.interfaces.iter().map(interface).collect::<Vec<_>>(),
    })
}

fn interface(fit: &InterfaceFit) -> Json {
    json!({
        "interface": fit.interface,
        "before": fit.before,
        "after": fit.after,
        "fits": fit.fits(),
        "unserved": fit.unserved,
        "methods": fit.methods.iter().map(method).collect::<Vec<_>>(),
        "new_needs": fit.new_needs.iter().map(|(name, version)| json!({
            "interface": name,
            "version": version,
        })).collect::<Vec<_>>(),
        "state": fit.state.as_ref().map(state),
        "protected": fit.protected,
    })
}

fn method(fit: &MethodFit) -> Json {
    let change = match fit {
        MethodFit::Comes(_) => "comes",
        MethodFit::ByDefault(_) => "default",
        MethodFit::Missing(_) => "missing",
        _ => "differs",
    };
    match fit {
        MethodFit::Comes(method) | MethodFit::ByDefault(method) | MethodFit::Missing(method) => {
            json!({ "change": change, "method": method })
        }
        MethodFit::Differs { before, after, difference, .. } => {
            json!({ "change": change, "method": before, "after": after, "difference": difference })
        }
        other => json!({ "change": change, "method": other.to_string() }),
    }
}

fn state(fit: &StateFit) -> Json {
    match fit {
        StateFit::ByPointer(version) => json!({ "way": "pointer", "before": version, "after": version }),
        StateFit::Downgraded { before, after, .. } => {
            json!({ "way": "downgrade", "before": before, "after": after })
        }
        StateFit::Copied { before, after, ahead, why, .. } => {
            let way = if *ahead { "copied_ahead" } else { "copied" };
            json!({ "way": way, "before": before, "after": after, "why": why })
        }
        StateFit::Lost(why) => json!({ "way": "lost", "why": why }),
        other => json!({ "way": other.to_string() }),
    }
}
