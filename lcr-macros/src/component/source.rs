//! The source text of an implementation's methods, for feature `source`: found in the author's file, compressed, and
//! written as a record into a section of the library that is never loaded into memory.
//!
//! `lcr` says what the record looks like (`abi/source_text`), and its host reads it.
//!
//! **The text.** A compiler of the stable channel gives the text of one token only, and the braces of the impl are one
//! token: with the lines and columns of a method's first and last token, its text is a part of theirs. It begins with
//! the method's attributes and comments of documentation. If only spaces stand in front of it on its line, they belong
//! to it, so that its lines are those of the file. A macro may have written the impl; then lines and columns mean
//! nothing. So the text that was found is read again, and must consist of the method's tokens. If it does not, the
//! tokens are printed, and the record says so.
//!
//! **The section.** Statics are always loaded, so the record is written by `global_asm!`, which may leave out the flag
//! for that. It stands in a module, as a block takes no such macro. A static that is `used` makes linkers take the
//! module's object file out of an archive, and the section is marked to be retained, so they do not collect it. It
//! outlives `strip`; `objcopy --remove-section=.lcr.source` takes it out of a library.

#[cfg(feature = "source")]
mod record;
#[cfg(feature = "source")]
mod text;

use proc_macro2::TokenStream;

use super::model::Component;
use crate::{refusal::Refusals, tokens::ours};

/// The source text of a component's methods, as the library holds it.
pub(crate) struct SourceRecord {
    /// The number by which the manifest names the record.
    number: u64,
    /// What writes the record into its section.
    pub(crate) section: TokenStream,
}

impl SourceRecord {
    /// The record of a component; `None` if its text was refused, and outside of a compiler.
    #[cfg(feature = "source")]
    pub(crate) fn of(component: &Component, refusals: &mut Refusals) -> Option<SourceRecord> {
        proc_macro::is_available().then(|| record::of(component, refusals)).flatten()
    }

    /// Without the feature there is none.
    #[cfg(not(feature = "source"))]
    pub(crate) fn of(_: &Component, _: &mut Refusals) -> Option<SourceRecord> {
        None
    }
}

/// What the declaration says of the record.
pub(crate) fn declared(record: Option<&SourceRecord>) -> TokenStream {
    match record {
        None => ours!(::core::option::Option::None),
        Some(SourceRecord { number, .. }) => ours! {
            if ::core::cfg!(all(target_os = "linux", not(miri))) {
                ::core::option::Option::Some(#number)
            } else {
                ::core::option::Option::None
            }
        },
    }
}
