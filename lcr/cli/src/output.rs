//! Standard output and standard error: text for people, JSON for programs, and colours where a person looks.
//!
//! Colours are for terminals, and not where `NO_COLOR` is set (no-color.org); `--color` decides otherwise. A line that
//! shows the progress of long work goes to standard error, and only if that is a terminal.

use std::{
    env, fmt,
    io::{self, IsTerminal as _, Write as _},
};

use clap::ValueEnum;
use serde_json::Value as Json;

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How a text stands out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    /// A heading, or a name that is looked for.
    Strong,
    /// As the text around it.
    Plain,
    /// What matters less.
    Faint,
    Good,
    Warning,
    Bad,
}

/// Where a command writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    colors: bool,
    colors_on_stderr: bool,
    shows_progress: bool,
}

impl Output {
    pub(crate) fn new(json: bool, color: Color) -> Output {
        let allowed = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colors = |is_terminal: bool| match color {
            Color::Auto => allowed && is_terminal,
            Color::Always => true,
            Color::Never => false,
        };
        let stderr_is_terminal = io::stderr().is_terminal();
        Output {
            json,
            colors: !json && colors(io::stdout().is_terminal()),
            colors_on_stderr: colors(stderr_is_terminal),
            shows_progress: stderr_is_terminal,
        }
    }

    /// Whether JSON is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The text in a style, if colours are wanted on standard output.
    pub(crate) fn paint(&self, style: Style, text: impl fmt::Display) -> String {
        painted(self.colors, style, text)
    }

    /// Writes a text, with a line end behind it.
    ///
    /// # Errors
    /// That of standard output; a reader that has gone is one.
    pub(crate) fn line(&self, text: impl fmt::Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(format!("{text}\n").as_bytes())?;
        stdout.flush()
    }

    /// Writes a text as it is.
    ///
    /// # Errors
    /// As for [`line`](Output::line).
    pub(crate) fn text(&self, text: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text)?;
        stdout.flush()
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// As for [`line`](Output::line).
    pub(crate) fn json(&self, value: &Json) -> io::Result<()> {
        self.line(value)
    }

    /// Says on standard error why a command failed. It is no matter if nobody reads it.
    pub(crate) fn complain(&self, text: &str) {
        let name = painted(self.colors_on_stderr, Style::Bad, "lcr:");
        let _ = writeln!(io::stderr(), "{name} {text}");
    }

    /// Says something on standard error that is no failure.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Shows on a terminal what goes on. The next progress, or [`progress_ends`](Output::progress_ends), takes its
    /// place.
    pub(crate) fn progress(&self, text: impl fmt::Display) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r\x1b[K{text}");
        }
    }

    /// Takes the progress away.
    pub(crate) fn progress_ends(&self) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn painted(colors: bool, style: Style, text: impl fmt::Display) -> String {
    let code = match style {
        Style::Plain => return text.to_string(),
        Style::Strong => 1,
        Style::Faint => 2,
        Style::Good => 32,
        Style::Warning => 33,
        Style::Bad => 31,
    };
    if colors { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
}

/// A number of bytes as people read it: three digits and a binary unit.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = number as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if value < 10.0 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_few_digits_and_a_unit() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), (u64::MAX, "16384 PiB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }
}
