//! The replies of the command layer of `live_kv`, which are those of Redis word by word.
//!
//! The layer is mounted as a module and runs over an engine mounted the same way.

use kv::Commands;
use lcr::Stateful;
use serde::{Serialize, de::DeserializeOwned};

use crate::live_kv::{commands_v1::CommandsV1, commands_v2::CommandsV2, engine_tree::TreeEngine};

/// Hands the state of one version over to another version.
fn crossed<Old: Serialize, New: DeserializeOwned>(state: Old) -> New {
    lcr::wire::decode(&lcr::wire::encode(&state).unwrap()).unwrap()
}

/// A layer under test.
struct Session(Box<dyn Commands>);

impl Session {
    fn new() -> Session {
        Session(Box::new(CommandsV1::over(TreeEngine::default())))
    }

    /// The reply to the words of `line`, of which `''` is the empty one.
    fn reply(&self, line: &str) -> String {
        let words = line.split(' ').map(|word| if word == "''" { b"" } else { word.as_bytes() }).collect();
        String::from_utf8(self.0.execute(words).unwrap().reply).unwrap()
    }

    /// Asserts replies line by line: `request => reply`, line breaks written as `|`.
    fn transcript(&self, lines: &str) {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (request, expected) = line.split_once(" => ").unwrap();
            let reply = self.reply(request);
            let reply = reply.strip_suffix("\r\n").unwrap().replace("\r\n", "|");
            assert_eq!(reply.trim_end(), expected, "{request}");
        }
    }
}

#[test]
fn values_are_set_read_and_counted() {
    Session::new().transcript(
        "PING => +PONG
         ping hello => $5|hello
         ECHO x => $1|x
         GET a => $-1
         SET a 1 => +OK
         get a => $1|1
         Set a '' => +OK
         GET a => $0|
         MSET a 1 b 2 a 3 => +OK
         MGET a x b => *3|$1|3|$-1|$1|2
         EXISTS a a x => :2
         DBSIZE => :2
         DEL a a x => :1
         DBSIZE => :1
         FLUSHALL => +OK
         FLUSHALL async => +OK
         FLUSHALL now => -ERR syntax error
         DBSIZE => :0
         SELECT 0 => +OK
         SELECT 1 => -ERR DB index is out of range
         SELECT x => -ERR value is not an integer or out of range
         QUIT => +OK",
    );
}

#[test]
fn set_obeys_its_options_and_refuses_expiry_by_name() {
    Session::new().transcript(
        "SET a 1 XX => $-1
         SET a 1 nx => +OK
         SET a 2 NX => $-1
         SET a 2 XX => +OK
         SET a 3 GET => $1|2
         SET a 4 NX GET => $1|3
         GET a => $1|3
         SET b 1 GET => $-1
         GET b => $1|1
         SET a 1 NX XX => -ERR syntax error
         SET a 1 XX NX => -ERR syntax error
         SET a 1 FOO => -ERR syntax error
         SET a 1 ex 10 => -ERR SET option EX is not supported: keys do not expire here
         GET a => $1|3",
    );
}

#[test]
fn integers_are_added_or_refused_without_a_change() {
    Session::new().transcript(
        "INCR n => :1
         INCRBY n 41 => :42
         DECR n => :41
         DECRBY n 50 => :-9
         INCRBY n 1.5 => -ERR value is not an integer or out of range
         DECRBY n -9223372036854775808 => -ERR decrement would overflow
         SET n 9223372036854775807 => +OK
         INCR n => -ERR increment or decrement would overflow
         SET n 01 => +OK
         INCR n => -ERR value is not an integer or out of range
         GET n => $2|01",
    );
}

#[test]
fn unknown_and_malformed_commands_are_refused_in_the_words_of_redis() {
    Session::new().transcript(
        "FOO a b => -ERR unknown command 'FOO', with args beginning with: 'a' 'b'
         HELLO 3 => -ERR HELLO is about a connection, and for its host to answer
         GET => -ERR wrong number of arguments for 'get' command
         get a b => -ERR wrong number of arguments for 'get' command
         MSET a 1 b => -ERR wrong number of arguments for 'mset' command
         PING a b => -ERR wrong number of arguments for 'ping' command
         CONFIG SET a b => -ERR unknown subcommand 'SET'. Try CONFIG HELP.
         CONFIG GET => -ERR wrong number of arguments for 'config|get' command
         CLIENT LIST => -ERR unknown subcommand 'LIST'. Try CLIENT HELP.
         COMMAND COUNT x => -ERR wrong number of arguments for 'command|count' command
         SCAN x => -ERR invalid cursor
         SCAN -1 => -ERR invalid cursor
         SCAN 18446744073709551616 => -ERR invalid cursor
         SCAN 0 COUNT 0 => -ERR syntax error
         SCAN 0 COUNT x => -ERR value is not an integer or out of range
         SCAN 0 MATCH => -ERR syntax error",
    );
    let long = "x".repeat(1_000);
    let reply = Session::new().reply(&format!("{long} {long}\r\n {long}"));
    assert!(reply.len() < 400 && reply.matches("\r\n").count() == 1, "{reply}");
}

#[test]
fn clients_learn_what_they_ask_for_when_they_connect() {
    let session = Session::new();
    session.transcript(
        "CONFIG GET save => %1|$4|save|$0|
         CONFIG GET append* save => %2|$4|save|$0||$10|appendonly|$2|no
         CONFIG GET nothing => %0
         CLIENT SETINFO LIB-NAME x => +OK
         COMMAND COUNT => :24
         COMMAND INFO get nothing => *2|*6|$3|get|:2|~1|+readonly|:1|:1|:1|$-1
         COMMAND DOCS dbsize => %1|$6|dbsize|%3|$7|summary|$27|Returns the number of keys.|$5|since|$5|1.0.0|$5|group|$7|generic",
    );
    assert!(session.reply("COMMAND").starts_with("*24\r\n*6\r\n$3\r\nget\r\n"));
    assert!(session.reply("COMMAND DOCS").starts_with("%24\r\n"));
}

#[test]
fn a_scan_returns_every_matching_key_once() {
    let session = Session::new();
    for number in 0..300 {
        session.reply(&format!("SET {}:{number} x", if number % 3 == 0 { "three" } else { "other" }));
    }
    let (mut cursor, mut keys) = ("0".to_owned(), Vec::new());
    loop {
        let reply = session.reply(&format!("SCAN {cursor} MATCH three:* COUNT 7"));
        let lines: Vec<&str> = reply.split("\r\n").collect();
        cursor = lines[2].to_owned();
        keys.extend(lines[4..].chunks_exact(2).map(|bulk| bulk[1].to_owned()));
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(keys.len(), 100);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 100);
    assert!(session.reply("SCAN 0 TYPE list COUNT 1000").ends_with("*0\r\n"));
}

#[test]
fn the_second_command_layer_knows_one_more_command_and_lists_it() {
    let two = Session(Box::new(CommandsV2::over(TreeEngine::default())));
    two.transcript(
        "SET a hello => +OK
         STRLEN a => :5
         STRLEN b => :0
         STRLEN => -ERR wrong number of arguments for 'strlen' command
         COMMAND COUNT => :25",
    );
    assert!(two.reply("INFO server").contains("commands_version:2.0.0\r\n"));
    assert!(Session::new().reply("INFO").contains("commands_version:1.0.0\r\n"));
    assert!(Session::new().reply("STRLEN a").starts_with("-ERR unknown command 'STRLEN'"));
}

#[test]
fn each_version_hands_its_counts_over_also_of_commands_that_the_other_lacks() {
    let two = CommandsV2::over(TreeEngine::default());
    for words in [&[&b"strlen"[..], b"a"][..], &[b"ping"], &[b"ping"], &[b"foo"], &[b"get"]] {
        two.execute(words.to_vec()).unwrap();
    }
    let one = CommandsV1::after(crossed(two.save().unwrap()), TreeEngine::default());
    one.execute(vec![b"ping"]).unwrap();
    let two = CommandsV2::after(crossed(one.save().unwrap()), TreeEngine::default());
    two.execute(vec![b"strlen", b"a"]).unwrap();
    let text = String::from_utf8(two.execute(vec![b"info", b"all"]).unwrap().reply).unwrap();
    for line in ["cmdstat_strlen:calls=2", "cmdstat_ping:calls=3", "cmdstat_get:calls=1", "cmdstat_info:calls=1"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    assert!(text.contains("total_commands_processed:8\r\ntotal_error_replies:2\r\n"), "{text}");
}
