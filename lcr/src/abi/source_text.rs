//! The source text of a component's methods, as bytes in the ELF section `.lcr.source`.
//!
//! One record for each `#[lcr::component]` that was compiled with feature `source`. The section is no part of any
//! segment, so the loader does not read it, and an image takes no more memory for it. The manifest names each record
//! by its number, so text and methods belong together whatever order a linker chose, and it shows if the text was
//! taken out of the file afterwards.
//!
//! ```text
//! magic      8 bytes  "LCRSRCT" and the number of this format
//! total      u32      length of the record, with everything above and below
//! number     u64      FNV-1a 64 of everything behind it
//! unpacked   u32      length of the table below
//! packed     raw DEFLATE (RFC 1951) of the table, up to the end of the record
//! ```
//! The table:
//! ```text
//! file       name     as the compiler was given it; empty if it is unknown
//! methods    u16 count of { name, line u32, text u32 length and UTF-8 bytes }
//! ```
//! Numbers are little endian; a name is a `u16` length and UTF-8 bytes. Lines are counted from 1. Line 0 says that the
//! text is not that of the file: a macro wrote the method, and its tokens are printed. Lines end with a line feed.
//!
//! `lcr-macros` writes the records (`component/source`). It does not depend on this crate, so it has the numbers below
//! once more.

/// The section that holds the records.
pub const SECTION: &str = ".lcr.source";
/// The first eight bytes of a record.
pub const MAGIC: [u8; 8] = *b"LCRSRCT\x01";
/// Bytes in front of the part that the number is made of.
pub const HEADER: usize = 8 + 4 + 8;
/// The longest table.
pub const LIMIT: usize = 4 << 20;
