//! The description of a plan as text, line by line.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use crate::component::identity::ComponentId;

use super::{
    HoldCause, HoldDescription, InterfaceDescription, MemberDescription, PatchDescription, PlanDescription,
    RefusalDescription, StateDescription, TrialDescription,
};

/// How many of those inside are listed; the rest is counted.
const MOST_INSIDE: usize = 16;

impl fmt::Display for PlanDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write_lines(&mut text)?;
        f.write_str(text.trim_end())
    }
}

impl PlanDescription {
    fn write_lines(&self, f: &mut String) -> fmt::Result {
        write!(f, "plan on generation {}, callers held ", self.generation)?;
        match self.hold.at_most {
            Some(deadline) => writeln!(f, "at most {deadline:?}")?,
            None => writeln!(f, "without limit")?,
        }
        if let Some(reason) = &self.reason {
            writeln!(f, "  because {reason:?}")?;
        }
        for (number, member) in (1..).zip(&self.members) {
            write!(f, "  {number}. {member}")?;
        }
        for (interface, component) in &self.bindings {
            writeln!(f, "  {interface} is bound to `{component}`")?;
        }
        for component in &self.configured {
            writeln!(f, "  `{component}` is configured")?;
        }
        for interface in &self.unbound {
            writeln!(f, "  {interface} is bound to no component")?;
        }
        for component in &self.unconfigured {
            writeln!(f, "  `{component}` is configured no more")?;
        }
        if let Some(trial) = &self.trial {
            writeln!(f, "  {trial}")?;
        }
        if self.hold.by != HoldCause::Nothing {
            writeln!(f, "  hold: {}", self.hold)?;
        }
        for straggler in self.inside.iter().take(MOST_INSIDE) {
            writeln!(f, "  inside: {straggler}")?;
        }
        if let Some(more) = self.inside.len().checked_sub(MOST_INSIDE).filter(|&more| more > 0) {
            writeln!(f, "  inside: {more} more")?;
        }
        for RefusalDescription { kind, text } in &self.refusals {
            writeln!(f, "  refused ({kind}): {text}")?;
        }
        Ok(())
    }
}

impl fmt::Display for MemberDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "replace {before} by {after}")?,
            (None, Some(after)) => write!(f, "add {after}")?,
            (Some(before), None) => write!(f, "remove {before}")?,
            (None, None) => write!(f, "nothing")?,
        }
        writeln!(f, "{}", self.origin)?;
        // Each line with those that belong below it.
        let notes = self.notes.iter().map(|note| (note.clone(), &[][..]));
        let interfaces = self.interfaces.iter().map(|interface| (interface.to_string(), &*interface.differences));
        let patches = self.patches.iter().map(|patch| (patch.to_string(), &[][..]));
        let mut lines: Vec<(String, &[String])> = interfaces.chain(notes).chain(patches).collect();
        lines.sort_unstable();
        for (line, differences) in lines {
            writeln!(f, "     {line}")?;
            differences.iter().try_for_each(|difference| writeln!(f, "       {difference}"))?;
        }
        if !self.dependents.is_empty() {
            let names: BTreeSet<&ComponentId> = self.dependents.iter().collect();
            let names: Vec<String> = names.into_iter().map(ComponentId::to_string).collect();
            writeln!(f, "     used by {}", names.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Display for InterfaceDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.interface;
        match (self.version_before, self.version_after) {
            (None, Some(after)) => return write!(f, "{name} v{after}: new"),
            (before, None) => return write!(f, "{name} v{}: gone", before.unwrap_or_default()),
            (Some(_), Some(after)) => write!(f, "{name} v{after}: {}, {}", counted(self.instances), self.state)?,
        }
        if let Some(why) = &self.not_by_pointer {
            write!(f, " (not by pointer: {why})")?;
        }
        if self.holds_callers && !self.state.is_handed_over() {
            f.write_str(", callers held")?;
        }
        f.write_str(if self.protected { ", protected" } else { "" })
    }
}

impl fmt::Display for PatchDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PatchDescription { name, component, interface, methods, .. } = self;
        let methods = methods.join(", ");
        match &self.rests {
            None if self.is_new => write!(f, "stands around {methods} of {interface} in component `{component}`"),
            Some(why) if self.is_new => write!(f, "rests, around {methods} of {interface}: {why}"),
            None => write!(f, "patch `{name}` stands on around {methods} of {interface}"),
            Some(why) => write!(f, "patch `{name}` falls off {methods} of {interface}: {why}"),
        }
    }
}

impl StateDescription {
    /// Whether the successors get it.
    pub(super) fn is_handed_over(&self) -> bool {
        use StateDescription::*;
        matches!(self, ByPointer { .. } | CopiedAhead { .. } | Copied { .. } | Downgraded { .. })
    }
}

impl fmt::Display for StateDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateDescription::None | StateDescription::Absent => write!(f, "constructed anew"),
            StateDescription::Discarded { version } => write!(f, "constructed anew, state v{version} discarded"),
            StateDescription::ByPointer { version, points: false } => write!(f, "state v{version} moves by pointer"),
            StateDescription::ByPointer { version, points: true } => {
                write!(f, "state v{version} moves by pointer, both images stay mapped")
            }
            StateDescription::CopiedAhead { from, to, hold } => {
                write!(f, "state v{from} copied ahead")?;
                if from != to {
                    write!(f, " to migrate_changes of v{to}")?;
                }
                match hold {
                    Some(hold) => write!(f, ", callers held about {hold:?} or refused"),
                    None => write!(f, ", callers held for the last changes"),
                }
            }
            StateDescription::Downgraded { from, to } => write!(f, "state v{from} downgraded to v{to}"),
            StateDescription::Copied { from, to } if from == to => write!(f, "state v{from} offered to restore"),
            StateDescription::Copied { from, to } => write!(f, "state v{from} offered to migrate of v{to}"),
        }
    }
}

impl fmt::Display for TrialDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.time, self.calls) {
            (Some(time), _) => write!(f, "on trial for {time:?}")?,
            (None, Some(calls)) => {
                write!(f, "on trial for {calls} call{}", if calls == 1 { "" } else { "s" })?;
                self.within.map_or(Ok(()), |within| write!(f, ", within {within:?}"))?;
            }
            (None, None) => f.write_str("on trial until confirmed")?,
        }
        match self.faults_allowed {
            0 => {}
            1 => f.write_str(", 1 fault allowed")?,
            faults => write!(f, ", {faults} faults allowed")?,
        }
        f.write_str(if self.has_check { ", checked by the program" } else { "" })
    }
}

impl fmt::Display for HoldDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.by {
            HoldCause::Nothing => "no caller is held",
            HoldCause::Pointers => "a moment, however large the states are",
            HoldCause::LastChanges => "while the last changes are copied",
            HoldCause::Constructors => "as long as constructors take",
            HoldCause::WholeStates => "as long as save and restore take; a rehearsal measures them",
        })?;
        match self.about {
            Some(about) if !about.is_zero() => write!(f, ", about {about:?}"),
            _ => Ok(()),
        }
    }
}

/// A number of instances.
fn counted(instances: usize) -> String {
    let mut text = instances.to_string();
    text.push_str(if instances == 1 { " instance" } else { " instances" });
    text
}
