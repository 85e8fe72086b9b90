//! The command `source`: the text that methods were written as.

use serde::Deserialize;
use serde_json::{Map, json, value::RawValue};

use crate::{Error, ErrorKind, Result, Status};

use super::{protocol, served::Served, view};

pub(super) fn source(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        #[serde(default)]
        method: Option<String>,
        #[serde(default)]
        component: Option<String>,
    }
    let Arguments { method, component } = served.request.arguments()?;
    let component = match (component, &method) {
        (Some(component), _) => component,
        (None, Some(method)) => component_of(method, &served.runtime.status())?,
        (None, None) => {
            let text = "the source text of what is wanted? name a `method`, such as kv.store.get, or a `component`";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
    };
    let source = served.runtime.source(&component)?;
    let methods = match &method {
        Some(method) => source.of(method)?,
        None => source.methods.iter().collect(),
    };
    let mut out = Map::new();
    out.insert("component".to_owned(), source.component.name.clone().into());
    out.insert("version".to_owned(), source.component.version.to_string().into());
    view::put(&mut out, "methods", methods.into_iter().map(|method| json!(method)));
    view::put(&mut out, "lacks", source.lacks.iter().map(|method| method.to_string().into()));
    protocol::value(&out)
}

/// The component that implements the interface of a method.
fn component_of(method: &str, status: &Status) -> Result<String> {
    let Some((interface, _)) = method.rsplit_once('.') else {
        let text = format!("`{method:.200}` is no method: name it by interface and method, such as kv.store.get");
        return Err(Error::new(ErrorKind::Invalid, text));
    };
    let mut names: Vec<&str> =
        status.components.iter().filter(|each| each.interface == interface).map(|each| &*each.id.name).collect();
    names.dedup();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => {
            let text =
                format!("no component implements `{interface:.200}`, of which `{method:.200}` would be a method");
            Err(Error::new(ErrorKind::NotFound, text))
        }
        _ => {
            let text = format!("several components implement {interface}: {}; name one of them", names.join(", "));
            Err(Error::new(ErrorKind::Ambiguous, text))
        }
    }
}
