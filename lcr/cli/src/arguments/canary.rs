//! The rules of a canary, as `--canary` takes them: `5%`, `5%,500calls`, or `5%,500calls,10m`, and `5%requests` or
//! `5%,500requests` of whole requests; and those of a shadow, as `--shadow` does: `kv.store.*`, or
//! `kv.store.get,kv.index.*,10%,500calls,10m`.

use std::{str::FromStr, time::Duration};

use serde_json::Value as Json;

use crate::exact;

/// Which calls a new version gets, and until when.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct CanaryShare {
    /// The share, from 0 to 1.
    pub(crate) share: f64,
    /// Whether the share is of whole requests, and not of calls.
    pub(crate) of_requests: bool,
    pub(crate) until: Until,
}

/// What calls a canary is of, by the value of an argument or a part of it: `kv.store.get:key="user-7"`,
/// `kv.store.put:entry.tags[0]="a"`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Condition {
    pub(crate) method: String,
    pub(crate) argument: String,
    pub(crate) value: Json,
}

/// Of which methods a new version gets copies of calls, and until when.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ShadowMethods {
    /// Patterns such as `kv.store.*`.
    pub(crate) methods: Vec<String>,
    /// The share of the calls that is copied, from 0 to 1; all, if absent.
    pub(crate) share: Option<f64>,
    pub(crate) until: Until,
}

/// When a canary or shadow ends.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Until {
    /// After how many of its own calls the new version takes the old one's place.
    pub(crate) calls: Option<u64>,
    /// How long it waits for them.
    pub(crate) within: Option<Duration>,
}

const AT_MOST_ONE: &str = "say at most one number of calls and one time";

impl Until {
    /// Takes a part such as `500calls` or `10m`. Returns whether it is one of these.
    fn take(&mut self, part: &str) -> Result<bool, String> {
        let number = part.strip_suffix("calls").or_else(|| part.strip_suffix("call"));
        let is_second = if !part.starts_with(|first: char| first.is_ascii_digit()) {
            return Ok(false);
        } else if let Some(number) = number {
            self.calls.replace(count(number)?).is_some()
        } else {
            let time = humantime::parse_duration(part).map_err(|error| error.to_string())?;
            self.within.replace(time).is_some()
        };
        if is_second { Err(AT_MOST_ONE.to_owned()) } else { Ok(true) }
    }
}

impl FromStr for CanaryShare {
    type Err = String;

    fn from_str(text: &str) -> Result<CanaryShare, String> {
        let (mut share, mut until) = (None, Until::default());
        // What the parts say that say it.
        let (mut of_calls, mut of_requests) = (false, false);
        for part in text.split(',').map(str::trim) {
            let (part, is_of_requests) = match part.strip_suffix("requests").or_else(|| part.strip_suffix("request")) {
                Some(part) => (part.trim_end(), true),
                None => (part, false),
            };
            of_requests |= is_of_requests;
            if let Some(percent) = part.strip_suffix('%') {
                if share.replace(percentage(percent, ("a canary gets", 50.0))?).is_some() {
                    return Err("say one share of the calls".to_owned());
                }
            } else if is_of_requests {
                if until.calls.replace(count(part)?).is_some() {
                    return Err(AT_MOST_ONE.to_owned());
                }
            } else {
                let before = until.calls;
                if !until.take(part)? {
                    return Err(format!(
                        "`{part}` is no share, number of calls or time; write it as in 5%,500calls,10m, or \
                         5%,500requests,10m"
                    ));
                }
                of_calls |= until.calls != before;
            }
        }
        let share = share.ok_or("say a share of the calls such as 5%, or of requests such as 5%requests")?;
        if of_calls && of_requests {
            return Err("say calls or requests, and not both: a canary counts what it has a share of".to_owned());
        }
        Ok(CanaryShare { share, of_requests, until })
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let form = "write it as in 'kv.store.get:key=\"user-7\"' or kv.store.*:tenant=7";
        let end = outside_quotes(text, '=').ok_or_else(|| format!("the value is missing; {form}"))?;
        let (place, json) = (&text[..end], &text[end + 1..]);
        // Behind a bracket may be any key of a map.
        let names = place.split('[').next().unwrap_or(place);
        let colon = names.rfind(':').ok_or_else(|| format!("the argument is missing; {form}"))?;
        let [method, argument] = [&place[..colon], &place[colon + 1..]].map(|name| name.trim().to_owned());
        if method.is_empty() || argument.is_empty() {
            return Err(format!("say a method and an argument; {form}"));
        }
        let value = serde_json::from_str(json).map_err(|error| {
            format!(
                "`{json}` is no JSON: {error}; quote a text twice, for the shell and as JSON, as in '{place}=\"text\"'"
            )
        })?;
        if exact::read(json).is_ok_and(|exact| exact != value) {
            return Err(format!(
                "`{json}` has an integer of more than 64 bits, which this command would round; begin the canary in the \
                 program, by `Canary::matching`"
            ));
        }
        Ok(Condition { method, argument, value })
    }
}

impl FromStr for ShadowMethods {
    type Err = String;

    fn from_str(text: &str) -> Result<ShadowMethods, String> {
        let (mut methods, mut share, mut until) = (Vec::new(), None, Until::default());
        for part in text.split(',').map(str::trim) {
            if part.is_empty() {
                return Err("say methods such as kv.store.get or kv.store.*".to_owned());
            }
            if let Some(percent) = part.strip_suffix('%') {
                if share.replace(percentage(percent, ("a shadow copies", 100.0))?).is_some() {
                    return Err("say one share of the calls".to_owned());
                }
            } else if !until.take(part)? {
                methods.push(part.to_owned());
            }
        }
        if methods.is_empty() {
            return Err("say of which methods, such as kv.store.get or kv.store.*".to_owned());
        }
        Ok(ShadowMethods { methods, share, until })
    }
}

/// Where this character is first outside of texts of JSON.
fn outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, found) in text.char_indices() {
        match found {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            found if found == wanted && !is_quoted => return Some(at),
            _ => {}
        }
    }
    None
}

fn percentage(percent: &str, (who, most): (&str, f64)) -> Result<f64, String> {
    match percent.trim_end().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= most => Ok(percent / 100.0),
        Ok(_) => Err(format!("{who} more than 0% of the calls, and {most}% at most")),
        Err(_) => Err(format!("`{percent}` is no percentage; write it as in 5%")),
    }
}

fn count(number: &str) -> Result<u64, String> {
    match number.trim_end().parse() {
        Ok(0) => Err("a canary gets one call at least".to_owned()),
        Ok(calls) => Ok(calls),
        Err(_) => Err(format!("`{number}` is no number of calls; write it as in 500calls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_has_a_share_and_may_have_a_number_of_calls_and_a_time() {
        let parsed = |text: &str| text.parse::<CanaryShare>();
        let canary =
            |share, calls, within| Ok(CanaryShare { share, of_requests: false, until: Until { calls, within } });
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        assert_eq!(parsed("5%"), canary(0.05, None, None));
        assert_eq!(parsed("0.5 %,500calls"), canary(0.005, Some(500), None));
        assert_eq!(parsed("10m, 50%, 11 calls"), canary(0.5, Some(11), minutes(10)));
        for wrong in ["", "5", "0%", "51%", "-1%", "nan%", "500calls", "5%,0calls", "5%,6%", "5%,1m,2m", "5%,x"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_of_requests_if_a_part_says_so_and_then_no_part_says_calls() {
        let parsed = |text: &str| text.parse::<CanaryShare>();
        let canary = |calls, within| Ok(CanaryShare { share: 0.05, of_requests: true, until: Until { calls, within } });
        let minute = Some(Duration::from_secs(60));
        assert_eq!(parsed("5%requests"), canary(None, None));
        assert_eq!(parsed("5 % requests, 1m"), canary(None, minute));
        assert_eq!(parsed("5%,500 requests"), canary(Some(500), None));
        assert_eq!(parsed("1m,1request,5%requests"), canary(Some(1), minute));
        for wrong in
            ["requests", "500requests", "5%,0requests", "5%,1requests,2requests", "5%,x requests", "5%,requests"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        assert!(parsed("5%requests,500calls").unwrap_err().contains("not both"));
    }

    #[test]
    fn a_condition_has_a_method_an_argument_and_a_value_as_json() {
        let parsed = |text: &str| text.parse::<Condition>();
        let condition = |method: &str, argument: &str, value: Json| {
            Ok(Condition { method: method.to_owned(), argument: argument.to_owned(), value })
        };
        assert_eq!(parsed("kv.store.get:key=\"a=b:c\""), condition("kv.store.get", "key", "a=b:c".into()));
        assert_eq!(parsed("kv.*:2 = 7"), condition("kv.*", "2", 7.into()));
        assert_eq!(parsed("a::b.c:d={\"e\":null}"), condition("a::b.c", "d", serde_json::json!({ "e": null })));
        let of_a_part = parsed("kv.store.put:entry.tags[0]=\"a\"");
        assert_eq!(of_a_part, condition("kv.store.put", "entry.tags[0]", "a".into()));
        let of_a_key = parsed(r#"kv.*:limits["a=b:c\"=["].d=7"#);
        assert_eq!(of_a_key, condition("kv.*", r#"limits["a=b:c\"=["].d"#, 7.into()));
        for wrong in
            ["", "kv.store.get", "kv.store.get:key", "kv.*:limits[\"a=7", "kv.store.get=7", ":key=7", "kv.store.get:=7"]
        {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
        assert!(parsed("kv.store.get:key=18446744073709551616").unwrap_err().contains("would round"));
        assert_eq!(parsed("kv.*:2=18446744073709551615"), condition("kv.*", "2", u64::MAX.into()));
        assert!(parsed("kv.store.get:key=user-7").unwrap_err().contains("'kv.store.get:key=\"text\"'"));
    }

    #[test]
    fn a_shadow_has_methods_and_may_have_a_number_of_calls_and_a_time() {
        let parsed = |text: &str| text.parse::<ShadowMethods>();
        let shadow = |methods: &[&str], calls, within| {
            let methods = methods.iter().map(|&method| method.to_owned()).collect();
            Ok(ShadowMethods { methods, share: None, until: Until { calls, within } })
        };
        assert_eq!(parsed("*"), shadow(&["*"], None, None));
        let minutes = Some(Duration::from_secs(600));
        assert_eq!(
            parsed("kv.store.get, kv.index.*,500calls,10m"),
            shadow(&["kv.store.get", "kv.index.*"], Some(500), minutes)
        );
        assert_eq!(parsed("1call,a.b.recalls"), shadow(&["a.b.recalls"], Some(1), None));
        let share = |text: &str| parsed(text).map(|shadow| shadow.share);
        assert_eq!((share("*,10%"), share("100 %,a.b.c,5m")), (Ok(Some(0.1)), Ok(Some(1.0))));
        for wrong in ["", "500calls", "a.b.c,", "a.b.c,0calls", "a.b.c,1m,2m", "5%", "*,0%", "*,101%", "*,5%,6%"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
