//! Runs `lcr`, and compares what it prints with files in `golden`.
//!
//! `LCR_BLESS=1 cargo test -p lcr-cli` writes these files anew.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use crate::server::Server;

/// What a text names, and what has another name in each run.
pub(crate) trait Named {
    /// The text with a word for it.
    fn replace(&self, text: &str) -> String;
}

impl Named for () {
    fn replace(&self, text: &str) -> String {
        text.to_owned()
    }
}

impl Named for &Server {
    fn replace(&self, text: &str) -> String {
        text.replace(&self.pid(), "PID")
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The command, with nothing of the caller's that it would heed.
pub(crate) fn lcr() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lcr"));
    command.env_remove("LCR_SOCKET").env_remove("NO_COLOR").env_remove("COLUMNS").stdin(Stdio::null());
    command
}

/// Runs `lcr` with these arguments.
pub(crate) fn run<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Ended {
    end(lcr().args(arguments))
}

/// Runs a command to its end.
pub(crate) fn end(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the command can be run");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is UTF-8");
    Ended { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs a command whose standard output is a pipe that nobody reads any more.
pub(crate) fn unread(command: &mut Command) -> Ended {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().expect("the command can be run");
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(stderr).expect("the output is UTF-8");
    Ended { status: status.code().unwrap_or(-1), stdout: String::new(), stderr }
}

/// The library of a component in `tests/components`.
pub(crate) fn component(name: &str) -> String {
    let path = built(&format!("libshop_{name}.so"));
    path.to_str().expect("the target folder has a path of UTF-8").to_owned()
}

/// A file that cargo built as an example.
pub(crate) fn built(file: &str) -> PathBuf {
    let test = env::current_exe().expect("a test binary has a path");
    let profile = test.parent().and_then(Path::parent).expect("a test binary is in a folder of its profile");
    let path = profile.join("examples").join(file);
    assert!(path.exists(), "{} is missing: `cargo build --examples` makes it", path.display());
    path
}

impl Ended {
    /// Requires an exit status.
    #[track_caller]
    pub(crate) fn with(self, status: i32) -> Ended {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The standard output as JSON, one value on one line.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Requires that the command failed, whatever the status.
    #[track_caller]
    pub(crate) fn with_any(self) -> Ended {
        assert!(self.status > 0, "{self:?}");
        self
    }

    /// Requires the standard output of a golden file. `of` is what the text names and what changes from run to run.
    #[track_caller]
    pub(crate) fn golden(self, name: &str, of: impl Named) -> Ended {
        golden(name, &of.replace(&self.stdout));
        self
    }

    /// Requires a text on standard error.
    #[track_caller]
    pub(crate) fn complains(self, part: &str) -> Ended {
        assert!(self.stderr.contains(part), "{self:?} lacks {part}");
        self
    }
}

/// Requires that a text is that of a golden file.
#[track_caller]
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands/golden").join(name);
    let text = without_what_changes(text);
    if env::var_os("LCR_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == expected,
        "{name} differs; run with LCR_BLESS=1 and look at the difference\n--- expected\n{expected}\n--- found\n{text}"
    );
}

/// The text with words in the place of hashes, sizes, times, the compiler, process ids and folders.
fn without_what_changes(text: &str) -> String {
    let mut folder = built("libshop_till_1.so");
    folder.pop();
    let text = text.replace(folder.to_str().unwrap(), "FOLDER");
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        if let Some(at) = line.find("rustc ") {
            line.replace_range(at.., "COMPILER");
        }
        for name in ["pid ", "uid "] {
            line = without_number(&line, name);
        }
        if line.len() > 27 && line.is_char_boundary(27) && line[..27].ends_with('Z') && line[10..].starts_with('T') {
            line.replace_range(..27, "MOMENT");
        }
        lines.push(words(&line));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The line with the numbers that follow `name` replaced by the name.
fn without_number(line: &str, name: &str) -> String {
    let mut pieces = line.split(name);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text += name;
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < piece.len() {
            text += &name.trim().to_uppercase();
        }
        text += rest;
    }
    text
}

/// Replaces the words of one line that change from run to run.
fn words(line: &str) -> String {
    let is_end = |c: char| c == ' ' || c == ',' || c == ')' || c == '(' || c == ':' || c == ';';
    let mut text = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let len = rest.find(is_end).unwrap_or(rest.len());
        let (word, after) = rest.split_at(len);
        let unit = after.strip_prefix(' ').map(|after| after.split(is_end).next().unwrap_or_default());
        let is_hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        };
        let number = word.trim_end_matches(|c: char| c.is_alphabetic() || c == 'µ');
        let is_time = is_number(number) && matches!(&word[number.len()..], "ns" | "us" | "µs" | "ms" | "s");
        let (shown, skip) = match unit {
            Some(unit @ ("B" | "KiB" | "MiB" | "GiB")) if is_number(word) => ("SIZE", 1 + unit.len()),
            Some(unit @ ("ns" | "us" | "µs" | "ms" | "s")) if is_number(word) => ("TIME", 1 + unit.len()),
            _ if is_hex(word) && matches!(word.len(), 12 | 16 | 64) => ("HASH", 0),
            _ if is_time => ("TIME", 0),
            _ => (word, 0),
        };
        text.push_str(shown);
        rest = &after[skip..];
        if let Some(c) = rest.chars().next().filter(|&c| is_end(c)) {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    text.trim_end().to_owned()
}
