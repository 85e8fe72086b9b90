//! What a process can go back to that only the journal knows: the states that served before it.
//!
//! A *state* is what was present behind a commit, or at the start of a process, with its bindings and configurations.
//! The walk goes from the last record to the first, and counts one step for each state, in the order in which they
//! served:
//!
//! | a state | is |
//! |---|---|
//! | behind a commit | a step |
//! | behind a reload, or at a start without one | a step, unless it is what served before that start |
//! | behind a commit that the next start gave back: on trial to the end, or with `persist: false` at the end | none |
//!
//! So a start that brings back what was confirmed is no step, and neither is what was never confirmed. A trial that was
//! rolled back while its process went on is two commits, and two steps, as it is in its own process.
//!
//! The walk ends where records were forgotten. Nobody knows how many states served there, so nobody can say how many
//! steps away the older ones are; and a start with such a gap behind it does not say what its process began with.
//!
//! Each record is read once: a walk costs what the journal is long.

use std::collections::{BTreeMap, HashMap};

use crate::{
    change::recorder::{Brought, First, Recorded, Sought},
    error::{Error, ErrorKind, Result},
};

use super::{
    digits::from_hex,
    journal::{Journal, Place},
    kind::Kind,
    ledger::{self, trial_ends},
    notes::Notes,
    record::{Committed, End, Intended, Present, Record, What},
};

/// How many entries a refusal names.
const NAMED: usize = 3;

/// A state that served.
struct State {
    /// The number of its commit's intent, or of the start of its process.
    number: u64,
    is_start: bool,
    committed: Committed,
    /// What was linked into the program.
    linked: Vec<Present>,
}

/// The names that components have by now, by those that they had in the state that the walk has come to. A component
/// that is not here has the name that it had.
type Names = HashMap<String, String>;

/// Finds what is sought.
pub(super) fn find(journal: &Journal, sought: Sought, began: u64, notes: &Notes) -> Result<Recorded> {
    let (mut steps, mut oldest) = (0, None);
    let mut names = Names::new();
    // What was brought back unrecorded is what served last, and no step.
    let mut is_begin = notes.is_reload_unrecorded;
    let found = walk(journal, notes, &mut names, |state, process| {
        let is_found = match sought {
            Sought::Entry(number) => !state.is_start && state.number == number,
            Sought::Generation(generation) => {
                let has = if state.is_start { began } else { state.committed.generation };
                process == 0 && has == generation
            }
            Sought::Before(wanted) => {
                let is_older = process > 0 && !std::mem::take(&mut is_begin);
                steps += u32::from(is_older);
                is_older && steps == wanted
            }
        };
        oldest = Some((state.number, state.is_start));
        is_found
    })?;
    let found = match (found, sought) {
        (Some(state), _) => state,
        (None, Sought::Entry(number)) => {
            names.clear();
            let committed = ledger::committed(journal, number)?.ok_or_else(|| no_entry(journal, number))?;
            let linked = linked_by(journal, number)?;
            State { number, is_start: false, committed, linked }
        }
        (None, Sought::Generation(generation)) => return Err(no_generation(journal, generation)?),
        (None, Sought::Before(wanted)) => return Err(too_far(wanted, steps, oldest)),
    };
    recorded(found, names, notes)
}

/// Walks from the newest state to the oldest one that has no gap behind it, until one is taken. `process` is 0 in this
/// process, 1 in the one before it, and so on.
fn walk(
    journal: &Journal,
    notes: &Notes,
    names: &mut Names,
    mut take: impl FnMut(&State, usize) -> bool,
) -> Result<Option<State>> {
    let ends = trial_ends(journal)?;
    let places = journal.places();
    let starts = places.iter().enumerate().filter(|(_, place)| place.kind == Kind::Start).map(|(at, _)| at);
    let known = known_from(places);
    let mut until = places.len();
    let mut served: Option<State> = None;
    for (process, start) in (usize::from(!notes.has_start)..).zip(starts.rev()) {
        if until <= known {
            break;
        }
        // What stays of a process always has its start, and may lack what came next.
        let (of_process, of_known) = (&places[start..until], &places[start.max(known)..until]);
        until = start;
        let Record::Start(began) = journal.read(&places[start])?.record else { continue };
        let commits: Vec<&Place> = of_known.iter().filter(|place| place.kind == Kind::Committed).collect();
        let counts = process == 0 || persists(journal, of_process)?;
        let mut has_served = process == 0;
        let mut begin = Committed { present: began.linked.clone(), ..Committed::default() };
        for (at, place) in commits.iter().enumerate().rev() {
            let Record::Committed(committed) = journal.read(place)?.record else { continue };
            // A program may put patches in before it reloads.
            if commits[..at].iter().all(|place| place.is_patch) && is_reload(journal, committed.of)? {
                begin = committed;
                break;
            }
            let is_confirmed = || {
                let end = ends.get(&committed.of).map(|end| end.end);
                !committed.on_trial || matches!(end, Some(End::Confirmed | End::RolledBack))
            };
            if counts && (process == 0 || is_confirmed()) {
                has_served = true;
                let (number, linked) = (committed.of, began.linked.clone());
                let state = State { number, is_start: false, committed, linked };
                if differs(served.as_ref(), &state) && take(&state, process) {
                    return Ok(Some(state));
                }
                rename_back(names, &state.committed);
                served = Some(state);
            } else if has_served {
                rename_back(names, &committed);
            }
        }
        // What a reload brought back is known by its own commit.
        if start < known && begin.of == 0 {
            break;
        }
        if process == 0 && notes.is_reload_unrecorded {
            // It is not what this process began with.
            served = None;
            continue;
        }
        let number = if begin.of == 0 { places[start].number } else { begin.of };
        let state = State { number, is_start: true, committed: begin, linked: began.linked };
        if differs(served.as_ref(), &state) && take(&state, process) {
            return Ok(Some(state));
        }
        served = Some(state);
    }
    Ok(None)
}

/// Where the records begin that have all the later ones behind them. Numbers have no gap but where records were
/// forgotten.
fn known_from(places: &[Place]) -> usize {
    places.windows(2).rposition(|pair| pair[0].number + 1 != pair[1].number).map_or(0, |gap| gap + 1)
}

/// Whether the commits of a process count for the next one.
fn persists(journal: &Journal, process: &[Place]) -> Result<bool> {
    let Some(end) = process.iter().rfind(|place| place.kind == Kind::End) else { return Ok(true) };
    Ok(!matches!(journal.read(end)?.record, Record::End { persist: false, .. }))
}

fn is_reload(journal: &Journal, intent: u64) -> Result<bool> {
    let places = journal.places();
    let Ok(at) = places.binary_search_by_key(&intent, |place| place.number) else { return Ok(false) };
    Ok(matches!(journal.read(&places[at])?.record, Record::Intent(Intended { what: What::Reload, .. })))
}

/// Whether a state is another one than the one that served behind it.
fn differs(served: Option<&State>, state: &State) -> bool {
    let Some(State { committed: served, .. }) = served else { return true };
    let State { committed, .. } = state;
    let is_same = |(one, other): (&Present, &Present)| one.id == other.id && one.is_same_as(other);
    served.present.len() != committed.present.len()
        || !served.present.iter().zip(&committed.present).all(is_same)
        || served.bindings != committed.bindings
        || served.configurations != committed.configurations
}

/// The walk goes on to what was before a commit.
fn rename_back(names: &mut Names, committed: &Committed) {
    let now: Vec<_> = committed
        .members
        .iter()
        .map(|member| {
            let after = member.after.as_ref()?;
            Some(names.remove(&after.name).unwrap_or_else(|| after.name.clone()))
        })
        .collect();
    for (member, now) in committed.members.iter().zip(now) {
        if let (Some(before), Some(now)) = (&member.before, now)
            && before.name != now
        {
            names.insert(before.name.clone(), now);
        }
    }
}

/// What was linked into the program that made an entry.
fn linked_by(journal: &Journal, number: u64) -> Result<Vec<Present>> {
    let is_start = |place: &&Place| place.kind == Kind::Start && place.number < number;
    let Some(start) = journal.places().iter().rev().find(is_start) else { return Ok(Vec::new()) };
    Ok(match journal.read(start)?.record {
        Record::Start(start) => start.linked,
        _ => Vec::new(),
    })
}

fn recorded(state: State, mut names: Names, Notes { set, linked: links, .. }: &Notes) -> Result<Recorded> {
    let State { number, is_start, committed, linked } = state;
    let title = if is_start { format!("the start of record {number}") } else { format!("entry {number}") };
    let was_linked = linked.into_iter().map(|one| one.id.name).collect();
    let is_linked = links.iter().map(|one| one.id.name.clone()).collect();
    let components = committed.present.into_iter().map(|one| {
        let now = names.remove(&one.id.name).unwrap_or_else(|| one.id.name.clone());
        let is_object = one.is_object();
        Brought { now, is_object, present: one.into() }
    });
    let components = components.collect();
    let mut configurations: BTreeMap<_, _> = set.configurations.keys().map(|name| (name.clone(), None)).collect();
    for (component, digits) in committed.configurations {
        let Some(config) = from_hex(&digits) else {
            let text = format!("the configuration of component `{component}` in {title} is no text of digits");
            return Err(Error::new(ErrorKind::History, text));
        };
        configurations.insert(component, Some(config.into()));
    }
    let mut bindings: BTreeMap<_, _> = set.bindings.keys().map(|name| (name.clone(), None)).collect();
    bindings.extend(committed.bindings.into_iter().map(|(interface, component)| (interface, Some(component))));
    Ok(Recorded { title, components, was_linked, is_linked, bindings, configurations })
}

/// What was linked or loaded first, by the name that it has had last.
pub(super) fn firsts(journal: &Journal) -> Result<BTreeMap<String, First>> {
    let mut firsts: BTreeMap<String, First> = BTreeMap::new();
    let mut begins = false;
    for place in journal.places().iter().filter(|place| matches!(place.kind, Kind::Start | Kind::Committed)) {
        match journal.read(place)?.record {
            Record::Start(start) => {
                firsts.extend(start.linked.into_iter().map(|one| (one.id.name.clone(), First::Known(one.into()))));
                begins = true;
            }
            Record::Committed(committed) => {
                let is_reload = !place.is_patch && std::mem::take(&mut begins) && is_reload(journal, committed.of)?;
                let mut next = BTreeMap::new();
                for one in committed.present {
                    let name = one.id.name.clone();
                    let has_name = |id: &crate::component::identity::ComponentId| id.name == name;
                    let member = committed.members.iter().find(|member| member.after.as_ref().is_some_and(has_name));
                    let before = match member.filter(|_| !is_reload) {
                        None => Some(&name),
                        Some(member) => member.before.as_ref().map(|before| &before.name),
                    };
                    let first = match before {
                        Some(before) => firsts.get(before).cloned().unwrap_or(First::Forgotten),
                        None => First::Known(one.into()),
                    };
                    next.insert(name, first);
                }
                // What only a commit lacked that is given back comes again.
                firsts.extend(next);
            }
            _ => {}
        }
    }
    Ok(firsts)
}

fn no_entry(journal: &Journal, number: u64) -> Error {
    let places = journal.places();
    let is_plan = |place: &&Place| matches!(place.kind, Kind::Intent | Kind::Refusal);
    let found = places.binary_search_by_key(&number, |place| place.number).ok().map(|at| &places[at]);
    let oldest = places.iter().find(is_plan).map_or(0, |place| place.number);
    let what = match found.filter(is_plan) {
        Some(_) => "was not committed, so nothing of it ever served".to_owned(),
        None if number < oldest => {
            format!("is older than what the history keeps (`keep`, `keep_for`), and forgotten; {oldest} is the oldest")
        }
        None => "is not there; OpenHistory::entries and `lcr history` list what there is".to_owned(),
    };
    Error::new(ErrorKind::NotFound, format!("entry {number} of the history {what}"))
}

/// Says which entries of earlier processes have that number, which each process counts anew.
fn no_generation(journal: &Journal, generation: u64) -> Result<Error> {
    let mut entries = Vec::new();
    for place in journal.places().iter().rev().filter(|place| place.kind == Kind::Committed) {
        if let Record::Committed(committed) = journal.read(place)?.record
            && committed.generation == generation
        {
            entries.push(committed.of.to_string());
            if entries.len() == NAMED {
                break;
            }
        }
    }
    let mut text = format!("generation {generation} of this process is not in its history");
    if !entries.is_empty() {
        let entries = entries.join(", ");
        text += &format!(
            "; each process counts its own generations: that of an earlier one is in entry {entries}, to which \
             Back::Entry goes (`lcr rollback --entry`)"
        );
    }
    Ok(Error::new(ErrorKind::NotFound, text))
}

fn too_far(wanted: u32, steps: u32, oldest: Option<(u64, bool)>) -> Error {
    let oldest = match oldest {
        Some((number, true)) => format!("the start of record {number}"),
        Some((number, false)) => format!("entry {number}"),
        None => "nothing".to_owned(),
    };
    let text = format!(
        "{wanted} steps before what this process began with are more than the history has, which reaches back {steps} \
         steps, to {oldest}; what is older was forgotten (`keep`, `keep_for`), or never was"
    );
    Error::new(ErrorKind::NotFound, text)
}
