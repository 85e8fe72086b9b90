//! A layer that writes down what comes to it, with the type of each value, but for the events of `lcr` itself.

use std::{
    error::Error,
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

/// What has come, one line for each thing. Clones share it.
#[derive(Clone, Default)]
pub struct Captor(Arc<Mutex<Vec<String>>>);

impl Captor {
    /// Takes the lines.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }
}

/// The fields of a record as text.
#[derive(Default)]
struct Fields(String);

impl Fields {
    fn add(&mut self, field: &Field, kind: &str, value: &dyn Debug) {
        write!(self.0, " {field}:{kind}={value:?}").unwrap();
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, "f64", &value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, "i64", &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, "u64", &value);
    }
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.add(field, "i128", &value);
    }
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.add(field, "u128", &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, "bool", &value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, "str", &value);
    }
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.add(field, "bytes", &value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut texts = vec![value.to_string()];
        let mut source = value.source();
        while let Some(error) = source {
            texts.push(error.to_string());
            source = error.source();
        }
        self.add(field, "error", &texts);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, "debug", &format_args!("{value:?}"));
    }
}

/// Level, target and place. A module's path begins with the crate, which is another one for each library and test.
fn place(metadata: &Metadata<'_>) -> String {
    let within = |path: &str| path.split_once("::").map_or("crate", |(_, rest)| rest).to_owned();
    let target = metadata.target();
    let target = if target.contains("::") { within(target) } else { target.to_owned() };
    let module = metadata.module_path().map(within).unwrap();
    assert!(metadata.file().unwrap().ends_with(".rs"), "{metadata:?}");
    format!("{} {target} {module}:{}", metadata.level(), metadata.line().unwrap())
}

struct Written(String);

fn scope<'a, S: Subscriber + for<'b> LookupSpan<'b>>(span: Option<SpanRef<'a, S>>) -> String {
    let mut text = String::new();
    for span in span.iter().flat_map(|span| span.scope().from_root()) {
        write!(text, "{}{{{}}}:", span.name(), span.extensions().get::<Written>().unwrap().0).unwrap();
    }
    text
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Captor {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let span = context.span(id).unwrap();
        span.extensions_mut().insert(Written(fields.0));
        let line = format!("new {} {}", place(span.metadata()), scope(Some(span)));
        self.add(line);
    }
    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        let span = context.span(id).unwrap();
        span.extensions_mut().get_mut::<Written>().unwrap().0 += &fields.0;
        self.add(format!("record {}{}", span.name(), fields.0));
    }
    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let names = [id, follows].map(|id| context.span(id).unwrap().name());
        self.add(format!("{} follows {}", names[0], names[1]));
    }
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target().starts_with("lcr::") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let parent = context.event_span(event);
        self.add(format!("event {} {}{}", place(event.metadata()), scope(parent), fields.0));
    }
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.add(format!("enter {}", context.span(id).unwrap().name()));
    }
    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.add(format!("exit {}", context.span(id).unwrap().name()));
    }
    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.add(format!("close {}", context.span(&id).unwrap().name()));
    }
}
