//! Standard output and standard error: text for people, JSON for programs, and colours where a person looks.
//!
//! Colours are for terminals, and not where `NO_COLOR` is set (no-color.org); `--color` decides otherwise. A line that
//! shows the progress of long work goes to standard error, and only if that is a terminal.
//!
//! Invariants:
//! 1. A reader of standard output that has gone changes neither what a command does nor its exit status. Writing goes
//!    nowhere then; commands without an end ask [`reader_has_gone`](Output::reader_has_gone).
//! 2. No text of a process or a file reaches the terminal as a command to it: of the control characters only line ends,
//!    tabs and the colours of this file are written. Whoever has a socket or a library may have written that text.

use std::{
    borrow::Cow,
    env, fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::ValueEnum;
use serde::Serialize;

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
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    colors: bool,
    colors_on_stderr: bool,
    shows_progress: bool,
    reader_has_gone: AtomicBool,
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
            reader_has_gone: AtomicBool::new(false),
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
    /// That of standard output; a reader that has gone is none.
    pub(crate) fn line(&self, text: impl fmt::Display) -> io::Result<()> {
        self.text(&format!("{text}\n"))
    }

    /// Writes a text.
    ///
    /// # Errors
    /// As for [`line`](Output::line).
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(harmless(text, self.colors).as_bytes()).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.reader_has_gone.store(true, Ordering::Relaxed);
                Ok(())
            }
            written => written,
        }
    }

    /// Whether nobody reads standard output any more, as far as writing has shown.
    pub(crate) fn reader_has_gone(&self) -> bool {
        self.reader_has_gone.load(Ordering::Relaxed)
    }

    /// Writes a value as one line of JSON.
    ///
    /// # Errors
    /// As for [`line`](Output::line).
    pub(crate) fn json(&self, value: &impl Serialize) -> io::Result<()> {
        self.written_json(&serde_json::to_string(value)?)
    }

    /// The same of a value that was written as JSON already.
    ///
    /// # Errors
    /// As for [`line`](Output::line).
    pub(crate) fn written_json(&self, json: &str) -> io::Result<()> {
        // JSON has its own way to write the characters that are not written as they are, and they are in strings only.
        let mut line = String::new();
        for c in json.chars() {
            if c.is_control() {
                line.push_str(&format!("\\u{:04x}", u32::from(c)));
            } else {
                line.push(c);
            }
        }
        self.line(line)
    }

    /// Says on standard error why a command failed. It is no matter if nobody reads it.
    pub(crate) fn complain(&self, text: &str) {
        let name = painted(self.colors_on_stderr, Style::Bad, "lcr:");
        let _ = writeln!(io::stderr(), "{name} {}", harmless(text, false));
    }

    /// Says something on standard error that is no failure.
    pub(crate) fn note(&self, text: impl fmt::Display) {
        let _ = writeln!(io::stderr(), "{}", harmless(&text.to_string(), false));
    }

    /// Shows on a terminal what goes on. The next progress, or [`progress_ends`](Output::progress_ends), takes its
    /// place.
    pub(crate) fn progress(&self, text: impl fmt::Display) {
        if self.shows_progress {
            let _ = write!(io::stderr(), "\r\x1b[K{}", harmless(&text.to_string(), false));
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

/// The text with a mark in the place of each control character that is no line end, no tab, and not a part of what
/// [`painted`] writes.
fn harmless(text: &str, colors: bool) -> Cow<'_, str> {
    const COLORS: [&str; 6] = ["\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"];
    if !text.contains(|c: char| c.is_control() && c != '\n') {
        return text.into();
    }
    let mut harmless = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let color = COLORS.iter().find(|color| colors && rest.starts_with(**color));
        let len = color.map_or(c.len_utf8(), |color| color.len());
        if color.is_none() && c.is_control() && c != '\n' && c != '\t' {
            harmless.push(char::REPLACEMENT_CHARACTER);
        } else {
            harmless.push_str(&rest[..len]);
        }
        rest = &rest[len..];
    }
    harmless.into()
}

/// `1 pin`, `2 pins`
pub(crate) fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
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
    fn a_text_commands_no_terminal() {
        let red = painted(true, Style::Bad, "bad\u{9b}2J\x07");
        assert_eq!(harmless(&red, true), "\x1b[31mbad\u{fffd}2J\u{fffd}\x1b[0m");
        assert_eq!(
            harmless("\x1b]0;title\x07\ta\x1b[31mb\r\n", false),
            "\u{fffd}]0;title\u{fffd}\ta\u{fffd}[31mb\u{fffd}\n"
        );
        assert_eq!(harmless("plain: ä\n", false), "plain: ä\n");
    }

    #[test]
    fn sizes_have_few_digits_and_a_unit() {
        let cases = [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1 << 20, "1.0 MiB"), (u64::MAX, "16384 PiB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }
}
