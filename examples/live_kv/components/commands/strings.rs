//! Commands on values.

use kv::{Condition, integer, reply};

use super::{Layer, Refusal};

pub(crate) fn get(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    reply::optional(out, layer.engine().get(words[1])?.as_deref());
    Ok(())
}

pub(crate) fn set(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let (key, value) = (words[1], words[2]);
    let Some(options) = SetOptions::of(&words[3..])? else {
        layer.engine().set(key, value)?;
        reply::status(out, "OK");
        return Ok(());
    };
    let swap = layer.engine().swap(key, value, options.condition)?;
    match (options.get, swap.stored) {
        (true, _) => reply::optional(out, swap.previous.as_deref()),
        (false, true) => reply::status(out, "OK"),
        (false, false) => reply::optional(out, None),
    }
    Ok(())
}

/// The older form of `SET` with `NX`.
pub(crate) fn setnx(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let swap = layer.engine().swap(words[1], words[2], Condition::Absent)?;
    reply::integer(out, i64::from(swap.stored));
    Ok(())
}

/// The options after the value of a `SET`.
struct SetOptions {
    condition: Condition,
    get: bool,
}

impl SetOptions {
    fn of(words: &[&[u8]]) -> Result<Option<SetOptions>, Refusal> {
        if words.is_empty() {
            return Ok(None);
        }
        let mut options = SetOptions { condition: Condition::Always, get: false };
        for word in words {
            let word = word.to_ascii_uppercase();
            match &*word {
                b"NX" if options.condition != Condition::Present => options.condition = Condition::Absent,
                b"XX" if options.condition != Condition::Absent => options.condition = Condition::Present,
                b"GET" => options.get = true,
                b"EX" | b"PX" | b"EXAT" | b"PXAT" | b"KEEPTTL" => {
                    let word = String::from_utf8_lossy(&word);
                    return Err(Refusal::new(format!(
                        "ERR SET option {word} is not supported: keys do not expire here"
                    )));
                }
                _ => return Err(Refusal::syntax()),
            }
        }
        Ok(Some(options))
    }
}

pub(crate) fn mget(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let values = layer.engine().get_many(words[1..].to_vec())?;
    reply::array(out, values.len());
    for value in values {
        reply::optional(out, value.as_deref());
    }
    Ok(())
}

pub(crate) fn mset(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let (pairs, []) = words[1..].as_chunks() else {
        return Err(Refusal::arity("mset"));
    };
    layer.engine().set_many(pairs.iter().map(|[key, value]| (*key, *value)).collect())?;
    reply::status(out, "OK");
    Ok(())
}

pub(crate) fn incr(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    add(layer, words[1], 1, out)
}

pub(crate) fn decr(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    add(layer, words[1], -1, out)
}

pub(crate) fn incrby(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let delta = integer::parse(words[2]).ok_or_else(Refusal::not_an_integer)?;
    add(layer, words[1], delta, out)
}

pub(crate) fn decrby(layer: &Layer, words: &[&[u8]], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let delta = integer::parse(words[2]).ok_or_else(Refusal::not_an_integer)?;
    let delta = delta.checked_neg().ok_or_else(|| Refusal::new("ERR decrement would overflow"))?;
    add(layer, words[1], delta, out)
}

fn add(layer: &Layer, key: &[u8], delta: i64, out: &mut Vec<u8>) -> Result<(), Refusal> {
    reply::integer(out, layer.engine().add(key, delta)?);
    Ok(())
}
