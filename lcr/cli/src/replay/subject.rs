//! What a record is replayed against.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    time::Duration,
};

use lcr::{
    Runtime,
    calls::{Call, Held},
};
use serde_json::{Value as Json, json};

use super::Recorded;
use crate::{
    exact,
    exit::{Failure, Status},
    process::{Process, list, text},
};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much longer than the call itself the answer of a process may take.
const BESIDES: Duration = Duration::from_secs(20);

/// A process or libraries.
pub(super) struct Subject {
    of: Of,
    /// What it exports; `None` if it was not asked yet.
    exports: Option<Json>,
    /// The component to call for a method of a component of the record. Their signatures were compared.
    components: BTreeMap<(String, String), String>,
}

enum Of {
    Process(Box<Process>),
    /// With what was called: instances stay from call to call, as they did where callers had handles.
    Libraries(Runtime, BTreeMap<(String, String), Held>),
}

impl Subject {
    pub(super) fn process(process: Process) -> Subject {
        Subject { of: Of::Process(Box::new(process)), exports: None, components: BTreeMap::new() }
    }

    pub(super) fn libraries(runtime: Runtime) -> Subject {
        Subject { of: Of::Libraries(runtime, BTreeMap::new()), exports: None, components: BTreeMap::new() }
    }

    /// The component that a method of the record is called of: the one that `named` is, or the one of the same name.
    ///
    /// # Errors
    /// If it is not there, or has the method with other types.
    pub(super) fn component(&mut self, method: &Json, named: Option<&str>) -> Result<String, Failure> {
        let key = (text(method, "method").to_owned(), text(method, "component").to_owned());
        if let Some(found) = self.components.get(&key) {
            return Ok(found.clone());
        }
        let (recorded, was) = (&key.0, &key.1);
        let Some((interface, name)) = recorded.rsplit_once('.') else { return Err(no_method(recorded)) };
        // The name is in front of the version.
        let component = named.or_else(|| was.split(' ').next()).unwrap_or_default().to_owned();
        let exports = self.exports()?;
        let of_interface = || list(exports, "exports").iter().filter(|export| text(export, "interface") == interface);
        let Some(export) = of_interface().find(|export| text(export, "name") == component) else {
            let names: Vec<&str> = of_interface().map(|export| text(export, "name")).collect();
            let found = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            let why = format!(
                "calls of {recorded} were recorded of `{was}`, and no component `{component}` implements {interface} \
                 here, but {found}; say by --component which is meant"
            );
            return Err(Failure::new(Status::NotFound, "not-found", why));
        };
        let methods = list(export, "methods");
        let types = methods.iter().find(|method| text(method, "name") == name).map(|method| text(method, "types"));
        match (text(method, "signature"), types) {
            (_, None) => {
                let why = format!("component `{component}` has no method `{name}` any more, of which there are calls");
                return Err(Failure::new(Status::NotFound, "not-found", why));
            }
            // Earlier versions of lcr do not say it, or not the structs and enums.
            (was, Some(is))
                if is.is_empty() || is == was || is.strip_prefix(was).is_some_and(|types| types.starts_with("; ")) => {}
            (was, Some(is)) => {
                let why = format!(
                    "calls of {recorded} cannot be made again, since its types changed: it was `{was}`, and is `{is}`"
                );
                return Err(Failure::new(Status::Format, "mismatch", why));
            }
        }
        self.components.insert(key, component.clone());
        Ok(component)
    }

    /// What it exports, as the command `exports` of the control socket answers.
    fn exports(&mut self) -> Result<&Json, Failure> {
        if self.exports.is_none() {
            let exports = match &mut self.of {
                Of::Process(process) => process.ask("exports", &json!({}))?,
                Of::Libraries(runtime, _) => json!({ "exports": runtime.exports(None)? }),
            };
            self.exports = Some(exports);
        }
        Ok(self.exports.as_ref().unwrap_or(&Json::Null))
    }

    /// Makes a call, which may have effects or not: of a pure method a program takes it also where its control socket
    /// is for reading only. Returns its outcome, as a record has it.
    pub(super) fn call(&mut self, recorded: &Recorded, component: &str, effects: bool) -> Result<Json, Failure> {
        let Some((interface, method)) = recorded.method.rsplit_once('.') else {
            return Err(no_method(&recorded.method));
        };
        match &mut self.of {
            Of::Process(process) => {
                let others = [
                    ("interface", json!(interface)),
                    ("method", json!(method)),
                    ("component", json!(component)),
                    ("effects", json!(effects)),
                    ("timeout_ms", json!(millis(TIMEOUT))),
                ];
                let raw = |value: &Json| serde_json::value::to_raw_value(value).expect("a value is JSON");
                let mut arguments: BTreeMap<_, _> =
                    others.iter().map(|(name, value)| ((*name).to_owned(), raw(value))).collect();
                arguments.insert("arguments".to_owned(), recorded.arguments.clone());
                let answer = process.ask_exactly("call", &arguments, TIMEOUT + BESIDES)?;
                let member = |name: &str| answer.get(name).and_then(|member| exact::read(member.get()).ok());
                Ok(match member("fault").unwrap_or_default() {
                    Json::Null => json!({ "value": member("result") }),
                    fault => json!({ "fault": fault["kind"], "text": fault["text"] }),
                })
            }
            Of::Libraries(runtime, held) => {
                let call = Call::new(interface, method).arguments(recorded.arguments.get()).allow_effects();
                let call = call.component(component).timeout(TIMEOUT);
                if let Entry::Vacant(entry) = held.entry((interface.to_owned(), component.to_owned())) {
                    entry.insert(runtime.hold(&call)?);
                }
                Ok(match runtime.call(&call)?.result {
                    Ok(json) => json!({ "value": exact::read(&json).unwrap_or_default() }),
                    Err(fault) => json!({ "fault": fault.kind().name(), "text": fault.to_string() }),
                })
            }
        }
    }
}

fn no_method(name: &str) -> Failure {
    Failure::new(Status::Format, "record", format!("the record has a call of `{name:.200}`, which is no method"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
