//! A plugin host with `tracing`: what a loaded plugin logs comes out of the host's subscriber, within the
//! host's spans and by the host's filter, which changes while the plugin runs. The host's panic hook reports
//! a plugin that panics.

mod interface;
#[path = "../libraries.rs"]
mod libraries;

use std::{
    io, panic,
    sync::{Arc, Mutex, PoisonError},
};

use interface::Prices;
use lcr::{BoxError, ComponentPanic, Runtime};
use tracing::{error, info_span, level_filters::LevelFilter};
use tracing_subscriber::{fmt, layer::SubscriberExt as _, registry, reload, util::SubscriberInitExt as _};

fn main() -> Result<(), BoxError> {
    let built = libraries::built(&["plugin_logs_prices"])?;

    // The subscriber of the host: one line for each event, and a level that can be changed.
    let output = Output::default();
    let (level, change) = reload::Layer::new(LevelFilter::INFO);
    let writer = output.clone();
    let lines = fmt::layer().with_ansi(false).without_time().with_writer(move || writer.clone());
    registry().with(level).with(lines).try_init()?;
    // Panics become events, too. Those of a loaded plugin have the plugin's name, file and line.
    panic::set_hook(Box::new(|info| {
        let told = ComponentPanic::with_current(|panic| {
            let component = panic.component().map(ToString::to_string);
            error!(component, file = panic.file(), line = panic.line(), "{}", panic.message());
        });
        told.unwrap_or_else(|| error!("{info}"));
    }));

    let runtime = Runtime::new()?;
    runtime.load(built.join("libplugin_logs_prices.so"))?;
    let prices = runtime.service::<dyn Prices>()?;
    output.take();

    // The plugin's span lies within the host's.
    info_span!("request", id = 1).in_scope(|| prices.price("apple", 5))?;
    assert_eq!(
        output.take(),
        [" INFO request{id=1}:price{kind=\"apple\"}: plugin_logs_prices: priced count=5 total=15"]
    );

    // The filter of the host holds for the plugin, as soon as it has changed.
    change.reload(LevelFilter::DEBUG)?;
    info_span!("request", id = 2).in_scope(|| prices.price("pear", 1))?;
    let lines = output.take();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], "DEBUG request{id=2}:price{kind=\"pear\"}: plugin_logs_prices: found in the list each=4");
    change.reload(LevelFilter::OFF)?;
    prices.price("pear", 1)?;
    assert!(output.take().is_empty());

    // A panic of the plugin is a fault for the caller, and an event with its place.
    change.reload(LevelFilter::INFO)?;
    let fault = info_span!("request", id = 3).in_scope(|| prices.price("plum", 1)).expect_err("it panics");
    println!("the caller got: {fault}");
    let lines = output.take();
    assert_eq!(lines.len(), 1);
    let begin =
        "ERROR request{id=3}:price{kind=\"plum\"}: plugin_logs: no price is known for plum component=\"prices 1.0.0\"";
    assert!(lines[0].starts_with(begin) && lines[0].contains("prices.rs\" line="));
    Ok(())
}

/// Where the subscriber writes: to standard output, and into a list that this program looks at.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<String>>);

impl Output {
    /// The lines since the last look.
    fn take(&self) -> Vec<String> {
        let text = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        print!("{text}");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(&text);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
