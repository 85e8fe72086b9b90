//! The command `exports`: the methods that callers can call.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Result;

use super::{protocol, served::Served, view};

pub(super) fn exports(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        #[serde(default)]
        component: Option<String>,
    }
    let Arguments { component } = served.request.arguments()?;
    protocol::value(&view::list("exports", &served.runtime.exports(component.as_deref())?)?)
}
