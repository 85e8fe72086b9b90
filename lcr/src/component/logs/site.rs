//! Callsites of another image, as `tracing` knows callsites.
//!
//! The host makes one for each form of record that its images have, and an image makes one for a span of the host
//! that the image asks about. `tracing` wants callsites that live as long as the process, so none is ever freed.

use std::sync::OnceLock;

use tracing_core::{
    Kind, Level, Metadata,
    callsite::{Callsite, Identifier},
    field::FieldSet,
    subscriber::Interest,
};

use crate::abi::{
    logs::{EVENT, RawSite, SPAN},
    value::{Abi as _, sequences::RawSlice},
};

/// A description of a callsite that owns what it says. Two callsites that are equal by it are alike.
#[derive(Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Description {
    name: String,
    target: String,
    module: String,
    file: String,
    fields: Vec<String>,
    line: u32,
    level: u32,
    kind: u32,
}

impl Description {
    /// Copies a raw description.
    ///
    /// # Safety
    /// It and its texts are valid; the texts are UTF-8.
    pub(crate) unsafe fn read(raw: &RawSite) -> Description {
        // SAFETY: the caller says so.
        let text = |slice: RawSlice<u8>| unsafe { <&str>::from_repr(slice) }.to_owned();
        // SAFETY: as above.
        let fields = unsafe { std::slice::from_raw_parts(raw.fields.at, raw.fields.len) };
        Description {
            name: text(raw.name),
            target: text(raw.target),
            module: text(raw.module),
            file: text(raw.file),
            fields: fields.iter().map(|&name| text(name)).collect(),
            line: raw.line,
            level: raw.level,
            kind: raw.kind,
        }
    }

    /// Makes metadata of it for `callsite`, which live as long as the process.
    pub(crate) fn leak(&self, callsite: Identifier) -> Metadata<'static> {
        let some = |text: &str| (!text.is_empty()).then(|| leak(text));
        let names: Vec<&'static str> = self.fields.iter().map(|name| leak(name)).collect();
        let fields = FieldSet::new(names.leak(), callsite);
        let kind = match self.kind {
            EVENT => Kind::EVENT,
            SPAN => Kind::SPAN,
            _ => Kind::HINT,
        };
        let line = (self.line != 0).then_some(self.line);
        let level = level(self.level);
        let (name, target) = (leak(&self.name), leak(&self.target));
        Metadata::new(name, target, level, some(&self.file), line, some(&self.module), fields, kind)
    }
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.into())
}

/// A level by its number.
pub(crate) fn level(number: u32) -> Level {
    match number {
        1 => Level::ERROR,
        2 => Level::WARN,
        3 => Level::INFO,
        4 => Level::DEBUG,
        _ => Level::TRACE,
    }
}

/// Gives `metadata` to `use_it` in the form in which they cross.
pub(crate) fn with_raw<R>(metadata: &Metadata<'_>, use_it: impl FnOnce(&RawSite) -> R) -> R {
    let fields: Vec<RawSlice<u8>> = metadata.fields().iter().map(|field| field.name().into_repr()).collect();
    let level = [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG];
    let level = level.iter().position(|level| level == metadata.level()).unwrap_or(4);
    let kind = match () {
        () if metadata.is_event() => EVENT,
        () if metadata.is_span() => SPAN,
        () => SPAN + 1,
    };
    use_it(&RawSite {
        name: metadata.name().into_repr(),
        target: metadata.target().into_repr(),
        module: metadata.module_path().unwrap_or_default().into_repr(),
        file: metadata.file().unwrap_or_default().into_repr(),
        fields: RawSlice { at: fields.as_ptr(), len: fields.len() },
        line: metadata.line().unwrap_or_default(),
        level: level as u32 + 1,
        kind,
    })
}

/// A callsite that is described only: nothing comes from it in this image.
struct Described(OnceLock<Metadata<'static>>);

impl Callsite for Described {
    fn set_interest(&self, _: Interest) {}
    fn metadata(&self) -> &Metadata<'_> {
        self.0.get().expect("set when the site was made")
    }
}

/// Metadata of a callsite of another image, which live as long as the process.
pub(super) fn described(description: &Description) -> &'static Metadata<'static> {
    let site: &'static Described = Box::leak(Box::new(Described(OnceLock::new())));
    site.0.get_or_init(|| description.leak(Identifier(site)))
}
