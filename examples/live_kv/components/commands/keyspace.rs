//! Commands on keys.

use kv::reply;

use super::{Layer, Refusal, glob};

/// The most keys of one page of a scan; `COUNT` is a hint.
const LARGEST_PAGE: u64 = 10_000;

pub(crate) fn del(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    number(out, layer.engine().remove(words[1..].to_vec())?)
}

pub(crate) fn exists(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    number(out, layer.engine().contains(words[1..].to_vec())?)
}

pub(crate) fn dbsize(layer: &Layer, _: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    number(out, layer.engine().count()?)
}

fn number(out: &mut Vec<u8>, number: u64) -> Result<(), Refusal> {
    reply::integer(out, i64::try_from(number).unwrap_or(i64::MAX));
    Ok(())
}

pub(crate) fn flushall(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    match &words[1..] {
        [] => {}
        [mode] if mode.eq_ignore_ascii_case(b"async") || mode.eq_ignore_ascii_case(b"sync") => {}
        _ => return Err(Refusal::syntax()),
    }
    layer.engine().clear()?;
    reply::status(out, "OK");
    Ok(())
}

/// Pages follow the order of positions, see [`Engine::scan`](kv::Engine::scan); what
/// does not match is left out of the page, which may so be empty in mid-scan.
pub(crate) fn scan(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let cursor = cursor(words[1]).ok_or_else(|| Refusal::new("ERR invalid cursor"))?;
    let options = ScanOptions::of(&words[2..])?;
    let page = layer.engine().scan(cursor, options.count)?;
    let matching: Vec<&Vec<u8>> = page.keys.iter().filter(|key| options.accept(key)).collect();
    reply::array(out, 2);
    reply::bulk(out, page.next.to_string().as_bytes());
    reply::array(out, matching.len());
    for key in matching {
        reply::bulk(out, key);
    }
    Ok(())
}

/// Cursors go beyond what [`integer`](kv::integer) means: they use all 64 bits.
fn cursor(word: &[u8]) -> Option<u64> {
    let digits = word.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(word).ok().filter(|_| digits)?.parse().ok()
}

struct ScanOptions<'a> {
    count: u64,
    pattern: Option<&'a [u8]>,
    strings: bool,
}

impl<'a> ScanOptions<'a> {
    fn of(words: &[&'a [u8]]) -> Result<ScanOptions<'a>, Refusal> {
        let mut options = ScanOptions { count: 10, pattern: None, strings: true };
        let (pairs, []) = words.as_chunks() else {
            return Err(Refusal::syntax());
        };
        for [name, value] in pairs {
            match &*name.to_ascii_lowercase() {
                b"count" => options.count = count(value)?,
                b"match" => options.pattern = Some(value),
                b"type" => options.strings = value.eq_ignore_ascii_case(b"string"),
                _ => return Err(Refusal::syntax()),
            }
        }
        Ok(options)
    }

    fn accept(&self, key: &[u8]) -> bool {
        self.strings && self.pattern.is_none_or(|pattern| glob::matches(pattern, key))
    }
}

fn count(word: &[u8]) -> Result<u64, Refusal> {
    let count = kv::integer::parse(word).ok_or_else(Refusal::not_an_integer)?;
    match u64::try_from(count) {
        Ok(count @ 1..) => Ok(count.min(LARGEST_PAGE)),
        _ => Err(Refusal::syntax()),
    }
}
