//! Looks users and groups up by their names.

use std::ffi::{CString, OsString};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use sam::__private::Identity;

use crate::Refusal;

/// Reads `USER[:GROUP]`, and adds the user's groups and the variables that a login sets.
pub(crate) fn identity(text: &str) -> Result<Identity, Refusal> {
    let mut variables = Vec::new();
    let (name, group) = text.split_once(':').map_or((text, None), |(name, group)| (name, Some(group)));
    let failed = |error| Refusal(format!("the user {text} cannot be looked up: {error}"));
    let entry = match name.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(name),
    };
    let entry = entry.map_err(failed)?;
    let user = match (&entry, name.parse()) {
        (Some(entry), _) => entry.uid,
        (None, Ok(number)) => Uid::from_raw(number),
        (None, Err(_)) => {
            return Err(Refusal(format!("there is no user {name}; give --user one that exists, or a number")));
        }
    };
    let group = match group {
        Some(group) => {
            let known = match group.parse() {
                Ok(number) => Some(Gid::from_raw(number)),
                Err(_) => Group::from_name(group).map_err(failed)?.map(|entry| entry.gid),
            };
            let none =
                || Refusal(format!("there is no group {group}; give --user USER:GROUP one that exists, or a number"));
            known.ok_or_else(none)?
        }
        None => {
            let none =
                || Refusal(format!("user {name} has no entry, so its group is not known; give --user {name}:GROUP"));
            entry.as_ref().map(|entry| entry.gid).ok_or_else(none)?
        }
    };
    let mut groups = vec![group];
    if let Some(entry) = &entry {
        let name = CString::new(entry.name.as_str()).unwrap_or_default();
        groups = getgrouplist(&name, group).map_err(failed)?;
        let login = [
            ("USER", entry.name.clone().into()),
            ("LOGNAME", entry.name.clone().into()),
            ("HOME", entry.dir.clone().into_os_string()),
            ("SHELL", entry.shell.clone().into_os_string()),
        ];
        variables.extend(login.map(|(name, value)| (OsString::from(name), value)));
    }
    let groups = groups.into_iter().map(Gid::as_raw).collect();
    Ok(Identity { shown: text.to_owned(), user: user.as_raw(), group: group.as_raw(), groups, variables })
}
