//! What a supervised program is to find around itself, as the options say: variables, user, folder and
//! limits.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
};

use nix::sys::resource::Resource;

/// What a program is to find. What is not given is as the supervisor's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Variables of the program's environment. If two have one name, the last counts.
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) user: Option<Identity>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) limits: Vec<Limit>,
}

/// A user, with its groups and what a login sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user as the option names it.
    pub shown: String,
    /// The number of the user.
    pub user: u32,
    /// The number of the user's group.
    pub group: u32,
    /// The numbers of all groups of the user.
    pub groups: Vec<u32>,
    /// The variables that a login sets.
    pub variables: Vec<(OsString, OsString)>,
}

/// A resource limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) name: &'static str,
    pub(crate) resource: Resource,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

impl Surroundings {
    pub(crate) fn are_given(&self) -> bool {
        *self != Surroundings::default()
    }
}

/// The names of limits in `prlimit(1)`, with the resources that they limit.
const LIMITS: &[(&str, Resource)] = &[
    ("as", Resource::RLIMIT_AS),
    ("core", Resource::RLIMIT_CORE),
    ("cpu", Resource::RLIMIT_CPU),
    ("data", Resource::RLIMIT_DATA),
    ("fsize", Resource::RLIMIT_FSIZE),
    ("locks", Resource::RLIMIT_LOCKS),
    ("memlock", Resource::RLIMIT_MEMLOCK),
    ("msgqueue", Resource::RLIMIT_MSGQUEUE),
    ("nice", Resource::RLIMIT_NICE),
    ("nofile", Resource::RLIMIT_NOFILE),
    ("nproc", Resource::RLIMIT_NPROC),
    ("rss", Resource::RLIMIT_RSS),
    ("rtprio", Resource::RLIMIT_RTPRIO),
    ("rttime", Resource::RLIMIT_RTTIME),
    ("sigpending", Resource::RLIMIT_SIGPENDING),
    ("stack", Resource::RLIMIT_STACK),
];

/// `nofile=4096`, `nofile=1024:4096`, `core=unlimited`.
pub(crate) fn read_limit(text: &str) -> Option<Limit> {
    let (name, value) = text.split_once('=')?;
    let (name, resource) = *LIMITS.iter().find(|(known, _)| *known == name)?;
    let number = |text: &str| match text {
        "unlimited" => Some(libc::RLIM_INFINITY),
        _ => text.parse().ok().filter(|number| *number < libc::RLIM_INFINITY),
    };
    let (soft, hard) = value.split_once(':').unwrap_or((value, value));
    let (soft, hard) = (number(soft)?, number(hard)?);
    (soft <= hard).then_some(Limit { name, resource, soft, hard })
}

/// `NAME=VALUE`.
pub(crate) fn read_variable(text: &OsStr) -> Option<(OsString, OsString)> {
    let bytes = text.as_bytes();
    let equals = bytes.iter().position(|&byte| byte == b'=').filter(|at| *at > 0)?;
    let part = |bytes| OsStr::from_bytes(bytes).to_owned();
    Some((part(&bytes[..equals]), part(&bytes[equals + 1..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_name_and_one_or_two_numbers() {
        let limit = |name, soft, hard| Some((name, soft, hard));
        let read_limit = |text| read_limit(text).map(|limit| (limit.name, limit.soft, limit.hard));
        assert_eq!(read_limit("nofile=4096"), limit("nofile", 4096, 4096));
        assert_eq!(read_limit("nofile=1024:4096"), limit("nofile", 1024, 4096));
        assert_eq!(read_limit("core=0:unlimited"), limit("core", 0, u64::MAX));
        let wrong = ["nofile", "nofile=", "nofile=-1", "nofile=2:1", "nofile=unlimited:1", "files=1", "nofile=1:2:3"];
        for text in wrong.into_iter().chain(["nofile=18446744073709551615", "RLIMIT_NOFILE=1", "=1", ""]) {
            assert_eq!(read_limit(text), None, "{text}");
        }
    }

    #[test]
    fn variables_have_a_name_and_any_value() {
        let read = |text: &str| read_variable(text.as_ref());
        assert_eq!(read("A=b=c"), Some(("A".into(), "b=c".into())));
        assert_eq!(read("A="), Some(("A".into(), "".into())));
        assert_eq!((read("A"), read("=b"), read("")), (None, None, None));
    }
}
