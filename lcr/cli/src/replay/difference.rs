//! Where two outcomes differ first.

use std::fmt;

use serde_json::Value as Json;

/// How long a value may be that is shown, in bytes.
const SHOWN: usize = 120;

/// A difference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The way to it: `.Ok[2].name`.
    pub(super) path: String,
    pub(super) was: String,
    pub(super) is: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "result" } else { self.path.trim_start_matches('.') };
        write!(f, "{path}: {} became {}", self.was, self.is)
    }
}

/// The first difference of two outcomes, as a record has them. `any_order`: sequences are equal whose elements are.
pub(super) fn of_outcomes(was: &Json, is: &Json, any_order: bool) -> Option<Difference> {
    match (was.get("value"), is.get("value")) {
        (Some(was), Some(is)) => of_values(was, is, any_order, &mut String::new()),
        (None, None) if was["fault"].is_string() => {
            // The fault of a call names the component, too.
            let same = was["fault"] == is["fault"] && said(is).contains(said(was));
            (!same).then(|| Difference { path: String::new(), was: ended(was), is: ended(is) })
        }
        // A secret result is not compared.
        (None, Some(_)) if was["secret"] == true => None,
        _ => Some(Difference { path: String::new(), was: ended(was), is: ended(is) }),
    }
}

fn said(outcome: &Json) -> &str {
    outcome["text"].as_str().unwrap_or_default().trim_end_matches('…')
}

fn ended(outcome: &Json) -> String {
    match (outcome.get("value"), outcome["fault"].as_str()) {
        (Some(value), _) => shown(value),
        (None, Some(kind)) => format!("a fault ({kind}: {})", said(outcome)),
        (None, None) => "a secret".to_owned(),
    }
}

fn shown(value: &Json) -> String {
    let mut text = value.to_string();
    if text.len() > SHOWN {
        let end = (0..=SHOWN).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Compares what `path` leads to. The values are no deeper than serde_json reads.
fn of_values(was: &Json, is: &Json, any_order: bool, path: &mut String) -> Option<Difference> {
    if was == is {
        return None;
    }
    let before = path.len();
    match (was, is) {
        (Json::Object(one), Json::Object(other)) if one.len() == other.len() => {
            for (name, was) in one {
                let Some(is) = other.get(name) else { break };
                path.push('.');
                path.push_str(name);
                if let Some(difference) = of_values(was, is, any_order, path) {
                    return Some(difference);
                }
                path.truncate(before);
            }
        }
        (Json::Array(one), Json::Array(other)) if one.len() == other.len() => {
            if any_order && sorted(one) == sorted(other) {
                return None;
            }
            for (place, (was, is)) in one.iter().zip(other).enumerate() {
                path.push_str(&format!("[{place}]"));
                if let Some(difference) = of_values(was, is, any_order, path) {
                    return Some(difference);
                }
                path.truncate(before);
            }
        }
        _ => {}
    }
    // Elements that differ in nothing but their order, all the way down, are equal.
    let is_equal = any_order && canonical(was) == canonical(is);
    (!is_equal).then(|| Difference { path: path.clone(), was: shown(was), is: shown(is) })
}

fn sorted(elements: &[Json]) -> Vec<String> {
    let mut sorted: Vec<String> = elements.iter().map(canonical).collect();
    sorted.sort_unstable();
    sorted
}

/// A text that is the same for values that differ only in the order of sequences.
fn canonical(value: &Json) -> String {
    match value {
        Json::Array(elements) => format!("[{}]", sorted(elements).join(",")),
        Json::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differ(was: Json, is: Json, any_order: bool) -> Option<String> {
        of_outcomes(&was, &is, any_order).map(|difference| difference.to_string())
    }

    #[test]
    fn a_difference_is_told_with_the_way_to_it() {
        let value = |value: Json| json!({ "value": value });
        let cases = [
            (
                json!({ "Ok": [1, { "name": "a" }] }),
                json!({ "Ok": [1, { "name": "b" }] }),
                "Ok[1].name: \"a\" became \"b\"",
            ),
            (json!([1, 2]), json!([1]), "result: [1,2] became [1]"),
            (json!({ "Ok": 1 }), json!({ "Err": 1 }), "result: {\"Ok\":1} became {\"Err\":1}"),
            (json!(1), json!(1.5), "result: 1 became 1.5"),
        ];
        for (was, is, expected) in cases {
            assert_eq!(differ(value(was.clone()), value(was.clone()), false), None);
            assert_eq!(differ(value(was), value(is), true).unwrap(), expected);
        }
        let fault = |text: &str| json!({ "fault": "panic", "text": text });
        assert_eq!(differ(fault("no ink"), fault("shop.pen of pens 1.0.0 panicked: no ink"), false), None);
        let became = differ(fault("no ink"), value(json!(1)), false).unwrap();
        assert_eq!(became, "result: a fault (panic: no ink) became 1");
        assert_eq!(differ(json!({ "secret": true }), value(json!(1)), false), None);
    }

    #[test]
    fn the_order_of_elements_counts_unless_it_is_not_to() {
        let value = |value: Json| json!({ "value": value });
        let (one, other) = (json!([[1, 2], [3]]), json!([[3], [2, 1]]));
        assert!(differ(value(one.clone()), value(other.clone()), false).is_some());
        assert_eq!(differ(value(one), value(other), true), None);
        assert!(differ(value(json!([1, 1, 2])), value(json!([1, 2, 2])), true).is_some());
    }
}
