//! A record: a line of JSON for each call, from which the call can be made again.
//!
//! Secrets are not written; a call of a method that takes one is recorded and cannot be made again, which
//! [`can_be_replayed`] says. So is a call with a function or a handle.

use std::sync::Arc;

use serde_json::{Map, Value, value::RawValue};

use super::{
    layer::{Call, Ended, Observer},
    lines::{Kept, Lines, Permit},
    signature::Signature,
    trace::cut,
};
use crate::host::reflect::json::{Secrets, encode};

/// The longest text of a fault, in bytes.
const FAULT: usize = 4096;

/// Why calls of the method cannot be made again from their record; `None` if they can.
pub(crate) fn can_be_replayed(signature: &Signature) -> Option<String> {
    let arguments = signature.arguments().iter().enumerate();
    arguments.map(|(number, ty)| (number, ty.refuses_json(), signature.is_secret(number) || ty.has_secrets())).find_map(
        |(number, refusal, is_secret)| {
            let argument = number + 1;
            let secret = is_secret.then(|| format!("argument {argument} is secret, and secrets are not written"));
            secret.or_else(|| refusal.map(|why| format!("argument {argument}: {why}")))
        },
    )
}

/// The record of one method.
pub(crate) struct Record {
    pub(crate) lines: Arc<Lines>,
    /// The longest line, in bytes.
    pub(crate) limit: usize,
}

/// A call that is recorded.
pub(crate) struct Begun {
    permit: Option<Permit>,
    /// Of a call that may pend.
    _kept: Option<Kept>,
    arguments: Box<RawValue>,
    /// How long its result may be as JSON, in bytes.
    room: usize,
}

impl Observer for Record {
    type Noted = Begun;

    fn begin(&self, call: Call<'_>) -> Option<Begun> {
        if self.lines.is_done() {
            return None;
        }
        // As for a trace.
        let permit = if call.signature.is_async() { None } else { Some(self.lines.permit()?) };
        let mut out = String::from("[");
        for (number, value) in call.arguments().enumerate() {
            if number > 0 {
                out.push(',');
            }
            if call.signature.is_secret(number) {
                out.push_str("\"***\"");
                continue;
            }
            match encode(value, Secrets::Hidden, self.limit.saturating_sub(out.len())) {
                Ok(json) => out.push_str(&json),
                Err(_) => {
                    self.lines.lose();
                    return None;
                }
            }
        }
        out.push(']');
        let room = self.limit.saturating_sub(out.len());
        let kept = if call.signature.is_async() { Some(self.lines.keep(out.len())?) } else { None };
        RawValue::from_string(out).ok().map(|arguments| Begun { permit, _kept: kept, arguments, room })
    }

    fn end(&self, noted: Begun, signature: &Signature, ended: &Ended<'_>) {
        let Begun { permit, arguments, room, .. } = noted;
        let Some(permit) = permit.or_else(|| self.lines.permit()) else { return };
        let outcome = match ended {
            Ended::Value(_) if signature.is_result_secret() => RawValue::from_string("{\"secret\":true}".to_owned()),
            Ended::Value(value) => match encode(*value, Secrets::Hidden, room) {
                Ok(json) => RawValue::from_string(format!("{{\"value\":{json}}}")),
                Err(_) => return self.lines.lose(),
            },
            Ended::Dropped => RawValue::from_string("{\"dropped\":true}".to_owned()),
            Ended::Fault(fault) => {
                let (kind, text, _) = Ended::fault(fault);
                let mut said = Map::new();
                said.insert("fault".to_owned(), kind.name().into());
                said.insert("text".to_owned(), cut(text, FAULT).into());
                RawValue::from_string(Value::Object(said).to_string())
            }
        };
        let Ok(outcome) = outcome else { return self.lines.lose() };
        let line = format!(
            "{{\"method\":{},\"component\":{},\"arguments\":{},\"outcome\":{}}}",
            Value::from(signature.name()),
            Value::from(signature.component()),
            arguments.get(),
            outcome.get()
        );
        self.lines.put(permit, line);
    }
}
