//! `sam status`: a status file for people, and for scripts by the exit status.

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use lexopt::{
    Arg::{Long, Short, Value},
    Parser,
};
use serde_json::{Value as Json, json};

use crate::{Refusal, help, print};

/// How often `--watch` reads the file.
const WATCH_POLL: Duration = Duration::from_millis(200);

/// How often a file that may be about to change is read again.
const REREADS: u32 = 10;

/// The words for a stage in the file, and what each means.
const STAGES: [(&str, &str); 11] = [
    ("waiting", "waits to be started"),
    ("spawning", "is being started"),
    ("starting", "is starting"),
    ("ready", "is ready"),
    ("running", "is running"),
    ("stopping", "is stopping"),
    ("warned", "is not well and was warned"),
    ("killing", "was killed and has not ended yet"),
    ("suspended", "is suspended, as its supervisor is"),
    ("left", "has ended, and its supervisor too"),
    // The supervisor has made the file and not yet written a stage.
    ("", "has not begun"),
];

/// How the program is doing; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Serves = 0,
    DoesNotServe = 1,
    Unreadable = 2,
    Gone = 3,
    Old = 4,
}

pub(crate) fn status(mut parser: Parser) -> Result<ExitCode, Refusal> {
    let (mut file, mut json, mut watch) = (None, false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("help") | Short('h') => return print(help::STATUS),
            Long("json") => json = true,
            Long("watch") => watch = true,
            Value(path) if file.is_none() => file = Some(PathBuf::from(path)),
            other => return Err(other.unexpected().into()),
        }
    }
    let file = file.ok_or_else(|| Refusal::new("no status file; give the one of `sam run --status FILE`"))?;
    let mut shown = None;
    loop {
        let (verdict, text, seen) = look(&file, json);
        if shown.as_ref() != Some(&seen) {
            if verdict == Verdict::Unreadable {
                eprint!("{text}");
            } else if print(&text)? != ExitCode::SUCCESS {
                return Ok(ExitCode::from(sam::ErrorKind::Io.exit_status()));
            }
        }
        if !watch || matches!(verdict, Verdict::Unreadable | Verdict::Gone) || is_over(&seen) {
            return Ok(ExitCode::from(verdict as u8));
        }
        shown = Some(seen);
        thread::sleep(WATCH_POLL);
    }
}

/// What `--watch` compares to know whether something has changed.
type Seen = (Json, Option<bool>);

fn is_over((status, _): &Seen) -> bool {
    status["stage"] == "left"
}

fn look(file: &Path, json: bool) -> (Verdict, String, Seen) {
    let mut seen = look_once(file, json);
    // Since the file was read its supervisor may have written its last status and ended; or an instance may
    // have ended, and the supervisor be about to write so.
    for _ in 0..REREADS {
        match seen.0 {
            Verdict::Gone | Verdict::Old => {}
            _ => break,
        }
        thread::sleep(Duration::from_millis(10));
        seen = look_once(file, json);
    }
    seen
}

fn look_once(file: &Path, json: bool) -> (Verdict, String, Seen) {
    let unreadable =
        |why: String| (Verdict::Unreadable, format!("sam: {}: {why}\n", file.display()), (Json::Null, None));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return unreadable(format!("cannot be read: {error}")),
    };
    let status: Json = match serde_json::from_str(&text) {
        Ok(status @ Json::Object(_)) => status,
        _ => return unreadable("is no status file".to_owned()),
    };
    let stage = status["stage"].as_str().unwrap_or("");
    let Some((_, meaning)) = STAGES.iter().find(|(name, _)| *name == stage) else {
        return unreadable(format!("tells of a stage {stage:?}, which this version does not know"));
    };
    let lives = supervisor_lives(&status);
    let verdict = match stage {
        _ if lives == Some(false) && stage != "left" => Verdict::Gone,
        _ if status["current"] == false || lives == Some(true) && instance_is_another(&status) => Verdict::Old,
        "ready" | "running" => Verdict::Serves,
        _ => Verdict::DoesNotServe,
    };
    let text = if json { for_programs(&status, verdict, lives) } else { for_people(&status, verdict, lives, meaning) };
    (verdict, text, (status, lives))
}

/// Whether the supervisor, which writes the file, lives. `None` if its number means nothing here, because
/// it is of another namespace, or the file has none.
pub(crate) fn supervisor_lives(status: &Json) -> Option<bool> {
    let pid = status["supervisor"].as_u64()?;
    if fs::metadata("/proc/self/ns/pid").ok()?.ino() != status["namespace"].as_u64()? {
        return None;
    }
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { return Some(false) };
    // The name, in parentheses, may have any bytes; the state and the 20th field follow it.
    let stat = String::from_utf8_lossy(&stat);
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let began: u64 = fields.nth(18)?.parse().ok()?;
    Some(!is_dead && began == status["began"].as_u64()?)
}

/// Whether the process that the file names as the instance is not, or no longer, a child of the supervisor.
/// The file is old then, whether or not the supervisor could mark it as old.
fn instance_is_another(status: &Json) -> bool {
    let (Some(pid), Some(supervisor)) = (status["pid"].as_u64(), status["supervisor"].as_u64()) else { return false };
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { return Path::new("/proc/self/stat").exists() };
    let stat = String::from_utf8_lossy(&stat);
    let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
    parent.is_some_and(|parent: u64| parent != supervisor)
}

fn for_programs(status: &Json, verdict: Verdict, lives: Option<bool>) -> String {
    let mut status = status.clone();
    status["serves"] = json!(verdict == Verdict::Serves);
    status["current"] = json!(!matches!(verdict, Verdict::Old | Verdict::Gone));
    status["supervisor_lives"] = json!(lives);
    format!("{status}\n")
}

fn for_people(status: &Json, verdict: Verdict, lives: Option<bool>, meaning: &str) -> String {
    let mut out = String::new();
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "{name:<12}{text}");
    };
    let mut stage = match status["instance"].as_u64() {
        Some(instance) => format!("instance {instance} {meaning}"),
        None => format!("supervision {meaning}"),
    };
    if let Some(cause) = cause_of(status) {
        let _ = write!(stage, ": {cause}");
    }
    match verdict {
        Verdict::Gone => row("state", &format!("the supervisor has ended; when it wrote last, {stage}")),
        Verdict::Old => {
            let age = seconds(&status["time"]).map(ago).unwrap_or_default();
            row("state", &format!("unknown; {stage} when the file was written, {age}"));
            row("old", "the supervisor cannot write this file (is the file system full?); its log says why");
        }
        _ => row("state", &stage),
    }
    if let Some(said) = status["said"].as_str() {
        row("says", &plain(said));
    }
    if let Some(since) = seconds(&status["since"]) {
        row("since", &ago(since));
    }
    if let Some(pid) = status["pid"].as_u64() {
        row("pid", &pid.to_string());
    }
    if let Some(pid) = status["supervisor"].as_u64() {
        let note = match lives {
            Some(true) => "",
            Some(false) => ", has ended",
            None => ", of another process namespace: this command cannot see whether it lives",
        };
        row("supervisor", &format!("{pid}{note}"));
    }
    if let Some(cgroup) = status["cgroup"].as_str() {
        row("cgroup", &plain(cgroup));
    }
    if let Some(restarts) = status["restarts"].as_u64() {
        row("restarts", &restarts.to_string());
    }
    if let last @ Json::Object(_) = &status["last"] {
        row("last end", &end(last));
    }
    if let (Some(time), Some(next)) = (seconds(&status["time"]), status["next_ms"].as_u64())
        && verdict != Verdict::Gone
    {
        let left = (time + Duration::from_millis(next)).saturating_sub(calendar());
        row("next start", &if left.is_zero() { "now".to_owned() } else { format!("in {left:.1?}") });
    }
    if let Some(kept) = status["kept"].as_array() {
        let names: Vec<_> = kept.iter().filter_map(Json::as_str).map(plain).collect();
        row("kept", &names.join(", "));
    }
    out
}

/// How an instance ended, why, and what follows.
fn end(last: &Json) -> String {
    let mut text = format!("instance {} ", last["instance"].as_u64().unwrap_or(0));
    if let Some(error) = last["error"].as_i64() {
        let error = std::io::Error::from_raw_os_error(i32::try_from(error).unwrap_or(0));
        let _ = write!(text, "could not be made ({error})");
    } else if let Some(code) = last["status"].as_i64() {
        let _ = write!(text, "ended with status {code}");
    } else if let Some(signal) = last["signal"].as_i64().and_then(|signal| i32::try_from(signal).ok()) {
        match nix::sys::signal::Signal::try_from(signal) {
            Ok(signal) => {
                let _ = write!(text, "died of {signal}");
            }
            Err(_) => {
                let _ = write!(text, "died of signal {signal}");
            }
        }
        if last["core"] == true {
            text.push_str(" and left a core");
        }
    }
    if let Some(lived) = last["lived_ms"].as_u64() {
        let _ = write!(text, " after {}", humantime::format_duration(Duration::from_millis(lived)));
    }
    if let Some(cause) = cause_of(last) {
        let _ = write!(text, ", because {cause}");
    }
    text.push_str(match last["decision"].as_str() {
        Some("restart") => "; a restart follows",
        Some("stopped") => "; an operator had stopped it",
        Some("clean") => "; its work was done",
        Some("finished") => "; it had said that it would end",
        Some("fatal") => "; its status says that a restart would not help",
        Some("quit") => "; the policy is to quit",
        Some("budget spent") => "; no restart is left in the budget",
        _ => "",
    });
    text
}

fn cause_of(status: &Json) -> Option<String> {
    let check = || status["check"].as_str().map(|name| format!("its check {} is overdue", plain(name)));
    Some(match status["cause"].as_str()? {
        "failed" => "it marked itself failed".to_owned(),
        "overdue" => check().unwrap_or_else(|| "a check is overdue".to_owned()),
        "unanswered" => "it did not answer".to_owned(),
        "probe" => "its probe failed".to_owned(),
        "start" => "it was not ready in time".to_owned(),
        other => plain(other),
    })
}

/// `text` without control characters: no word of the file changes how the terminal shows it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn seconds(value: &Json) -> Option<Duration> {
    Duration::try_from_secs_f64(value.as_f64()?).ok()
}

fn calendar() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn ago(time: Duration) -> String {
    let Some(moment) = UNIX_EPOCH.checked_add(time) else { return String::new() };
    let passed = Duration::from_secs(calendar().saturating_sub(time).as_secs());
    format!("{} ({} ago)", humantime::format_rfc3339_seconds(moment), humantime::format_duration(passed))
}
