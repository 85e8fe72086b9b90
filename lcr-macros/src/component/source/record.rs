//! The record, and the assembler's text that writes it. `lcr` has the format (`abi/source_text`).

use proc_macro2::Literal;

use super::{SourceRecord, text};
use crate::{component::model::Component, refusal::Refusals, tokens::ours};

const MAGIC: [u8; 8] = *b"LCRSRCT\x01";
const HEADER: usize = 8 + 4 + 8;
/// The longest text, in bytes.
const LIMIT: usize = 4 << 20;

/// How many bytes stand on a line of the assembler's text.
const LINE: usize = 512;

/// The record of a component; `None` if its text was refused.
pub(super) fn of(component: &Component, refusals: &mut Refusals) -> Option<SourceRecord> {
    let table = text::table(&component.item);
    if table.len() > LIMIT {
        let text = format!(
            "the source text of these methods has {} bytes, and {LIMIT} are kept at most; divide the impl, or build \
             without feature `source` of lcr",
            table.len()
        );
        refusals.refuse(component.implementor(), text);
        return None;
    }
    let mut body = u32_of(table.len()).to_vec();
    body.extend_from_slice(&miniz_oxide::deflate::compress_to_vec(&table, 9));
    let number = fnv1a(&body);
    let record = [&MAGIC[..], &u32_of(HEADER + body.len()), &number.to_le_bytes(), &body].concat();
    let lines = record.chunks(LINE).map(|line| Literal::string(&directive(line)));
    let section = ours! {
        #[cfg(all(target_os = "linux", not(miri)))]
        mod __lcr_source {
            #[used]
            static __LCR_TAKE_THIS_OBJECT: u8 = 0;
            ::core::arch::global_asm!(
                ".pushsection .lcr.source,\"R\",%progbits",
                #(#lines,)*
                ".popsection",
                options(raw)
            );
        }
    };
    Some(SourceRecord { number, section })
}

fn u32_of(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("a record is far smaller").to_le_bytes()
}

/// The assembler's directive for these bytes.
fn directive(bytes: &[u8]) -> String {
    let mut text = String::from(".ascii \"");
    for &byte in bytes {
        match byte {
            b' ' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(byte.into()),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}

/// FNV-1a of 64 bits, by which records are checked.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}
