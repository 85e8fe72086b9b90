//! JSON as a tree in which no integer is rounded.
//!
//! Values have integers of 128 bits, and a tree of JSON only those of 64; it takes the others for floats. Outcomes that
//! differ in the last digit would be equal.

use std::collections::BTreeMap;

use serde_json::{Result, Value as Json, value::RawValue};

/// Reads a text. An integer that a tree of JSON would round is a string of its digits.
pub(crate) fn read(text: &str) -> Result<Json> {
    // No deeper than serde_json reads, so neither is what follows.
    let tree = serde_json::from_str(text)?;
    if has_float(&tree) { read_again(text.trim()) } else { Ok(tree) }
}

fn has_float(tree: &Json) -> bool {
    match tree {
        Json::Number(number) => number.is_f64(),
        Json::Array(elements) => elements.iter().any(has_float),
        Json::Object(members) => members.values().any(has_float),
        Json::Null | Json::Bool(_) | Json::String(_) => false,
    }
}

/// Reads a text that has floats, or integers that look like them.
fn read_again(text: &str) -> Result<Json> {
    match text.as_bytes().first() {
        Some(b'[') => {
            let elements: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            elements.iter().map(|element| read_again(element.get())).collect()
        }
        Some(b'{') => {
            let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
            members.into_iter().map(|(name, member)| Ok((name, read_again(member.get())?))).collect()
        }
        Some(b'-' | b'0'..=b'9') if !text.contains(['.', 'e', 'E']) && has_float(&serde_json::from_str(text)?) => {
            Ok(text.into())
        }
        _ => serde_json::from_str(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_beyond_64_bits_keep_their_digits_and_all_else_is_as_it_was() {
        let large = u128::MAX.to_string();
        let text = format!("{{\"a\":[1, -2.5, {large}],\"b\":{{\"c\":-{large}, \"d\":1e3}}, \"e\":\"1.5\"}}");
        let expected = json!({ "a": [1, -2.5, large], "b": { "c": format!("-{large}"), "d": 1e3 }, "e": "1.5" });
        assert_eq!(read(&text).unwrap(), expected);
        let small = "[18446744073709551615,-9223372036854775808,null]";
        assert_eq!(read(small).unwrap(), serde_json::from_str::<Json>(small).unwrap());
        assert!(read(&format!("{}1.5{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }
}
