//! What a client says of its own connection: `HELLO`, `CLIENT` and `RESET`.
//!
//! All connections call one command layer, which knows nothing of connections, so the host answers
//! these commands. The layer refuses the rest of `CLIENT`.

use std::sync::atomic::{AtomicI64, Ordering};

use kv::reply;

use super::dialect::Dialect;

/// The number of the connection that comes next.
static NEXT: AtomicI64 = AtomicI64::new(1);

/// The state of a connection that a client may ask for and change.
pub(crate) struct Session {
    id: i64,
    dialect: Dialect,
    name: Vec<u8>,
}

impl Session {
    /// The session of a connection that was just accepted.
    pub(crate) fn new() -> Session {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Session { id, dialect: Dialect::default(), name: Vec::new() }
    }

    /// Appends a reply of the command layer, in the version that the client reads.
    pub(crate) fn append(&self, out: &mut Vec<u8>, reply: &[u8]) {
        self.dialect.append(out, reply);
    }

    /// Answers a request about the connection; `false` if the request is not about it.
    #[inline]
    pub(crate) fn answers(&mut self, words: &[&[u8]], out: &mut Vec<u8>) -> bool {
        // The frequent commands have other lengths.
        match words.first().map_or(0, |name| name.len()) {
            5 | 6 => self.answers_slowly(words, out),
            _ => false,
        }
    }

    fn answers_slowly(&mut self, words: &[&[u8]], out: &mut Vec<u8>) -> bool {
        let answer = match &*words[0].to_ascii_lowercase() {
            b"hello" => self.hello(&words[1..]),
            b"reset" if words.len() == 1 => {
                (self.dialect, self.name) = (Dialect::default(), Vec::new());
                Ok(b"+RESET\r\n".to_vec())
            }
            b"reset" => Err(arity("reset")),
            b"client" => match self.client(&words[1..]) {
                Some(answer) => answer,
                None => return false,
            },
            _ => return false,
        };
        match answer {
            Ok(answer) => self.append(out, &answer),
            Err(text) => reply::error(out, &text),
        }
        true
    }

    /// `HELLO [version [AUTH user password] [SETNAME name]]`. Nothing changes if any of it
    /// is refused.
    fn hello(&mut self, words: &[&[u8]]) -> Result<Vec<u8>, String> {
        let (mut dialect, mut name) = (self.dialect, None);
        if let Some((version, mut options)) = words.split_first() {
            dialect = match kv::integer::parse(version) {
                Some(2) => Dialect::Resp2,
                Some(3) => Dialect::Resp3,
                Some(_) => return Err("NOPROTO unsupported protocol version".to_owned()),
                None => return Err("ERR Protocol version is not an integer or out of range".to_owned()),
            };
            while let Some((option, rest)) = options.split_first() {
                options = match (&*option.to_ascii_lowercase(), rest) {
                    // There are no passwords: the default user may give any.
                    (b"auth", [b"default", _, rest @ ..]) => rest,
                    (b"auth", [_, _, ..]) => {
                        return Err("WRONGPASS invalid username-password pair or user is disabled.".to_owned());
                    }
                    (b"setname", [chosen, rest @ ..]) => {
                        name = Some(checked(chosen, "Client names")?);
                        rest
                    }
                    _ => {
                        let option = String::from_utf8_lossy(option);
                        return Err(format!("ERR Syntax error in HELLO option '{option}'"));
                    }
                };
            }
        }
        self.dialect = dialect;
        if let Some(name) = name {
            self.name = name;
        }
        let mut out = Vec::new();
        reply::map(&mut out, 7);
        for (field, value) in [("server", "live_kv"), ("version", env!("CARGO_PKG_VERSION"))] {
            reply::bulk(&mut out, field.as_bytes());
            reply::bulk(&mut out, value.as_bytes());
        }
        for (field, value) in [("proto", dialect.number()), ("id", self.id)] {
            reply::bulk(&mut out, field.as_bytes());
            reply::integer(&mut out, value);
        }
        for (field, value) in [("mode", "standalone"), ("role", "master")] {
            reply::bulk(&mut out, field.as_bytes());
            reply::bulk(&mut out, value.as_bytes());
        }
        reply::bulk(&mut out, b"modules");
        reply::array(&mut out, 0);
        Ok(out)
    }

    /// `None` for what the command layer is asked.
    fn client(&mut self, words: &[&[u8]]) -> Option<Result<Vec<u8>, String>> {
        let (subcommand, arguments) = words.split_first()?;
        let subcommand = subcommand.to_ascii_lowercase();
        let known: &[&[u8]] = &[b"setname", b"getname", b"id", b"setinfo"];
        if !known.contains(&&*subcommand) {
            return None;
        }
        let mut out = Vec::new();
        let answer = match (&*subcommand, arguments) {
            (b"setname", [name]) => checked(name, "Client names").map(|name| {
                self.name = name;
                reply::status(&mut out, "OK");
            }),
            (b"getname", []) => {
                reply::optional(&mut out, Some(&*self.name).filter(|name| !name.is_empty()));
                Ok(())
            }
            (b"id", []) => {
                reply::integer(&mut out, self.id);
                Ok(())
            }
            (b"setinfo", [option, value]) => match &*option.to_ascii_lowercase() {
                // No command shows the value, so it is not kept.
                name @ (b"lib-name" | b"lib-ver") => {
                    checked(value, &String::from_utf8_lossy(name)).map(|_| reply::status(&mut out, "OK"))
                }
                _ => Err(format!("ERR Unrecognized option '{}'", String::from_utf8_lossy(option))),
            },
            _ => Err(arity(&format!("client|{}", String::from_utf8_lossy(&subcommand)))),
        };
        Some(answer.map(|()| out))
    }
}

/// A name as Redis takes it: printable, without spaces.
fn checked(name: &[u8], what: &str) -> Result<Vec<u8>, String> {
    if name.iter().all(u8::is_ascii_graphic) {
        return Ok(name.to_vec());
    }
    Err(format!("ERR {what} cannot contain spaces, newlines or special characters."))
}

fn arity(command: &str) -> String {
    format!("ERR wrong number of arguments for '{command}' command")
}
