//! What `top` shows, made of the answers of a process. A plain value: nothing here draws, asks or waits.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value as Json;

use crate::{
    output::Style,
    process::{self, events, list, number, text},
};

/// How many of the last events are kept.
const KEPT: usize = 200;

/// One implementation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) interface: String,
    pub(super) instances: u64,
    /// How many calls are inside.
    pub(super) inside: u64,
    pub(super) faults: u64,
    pub(super) calls: Option<u64>,
    pub(super) hash: String,
    pub(super) on_trial: bool,
    pub(super) protected: bool,
    /// Whether it came with the last commit that was seen.
    pub(super) is_new: bool,
}

/// By what the rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Name,
    Faults,
    Instances,
}

/// Everything that is shown.
#[derive(Debug)]
pub(super) struct View {
    pub(super) process: String,
    status: Json,
    rows: Vec<Row>,
    /// The faults that events told of, by component with version.
    faults: BTreeMap<String, u64>,
    /// The last events, the newest first.
    events: VecDeque<(Style, String)>,
    trial: Option<String>,
    pub(super) selected: usize,
    pub(super) order: Order,
    pub(super) shows_help: bool,
    is_paused: bool,
    /// Why there will be no further answers.
    end: Option<String>,
}

impl View {
    pub(super) fn new(process: String) -> View {
        View {
            process,
            status: Json::Null,
            rows: Vec::new(),
            faults: BTreeMap::new(),
            events: VecDeque::new(),
            trial: None,
            selected: 0,
            order: Order::default(),
            shows_help: false,
            is_paused: false,
            end: None,
        }
    }

    /// Takes a status.
    pub(super) fn status(&mut self, status: Json) {
        let before: Vec<(String, String)> =
            self.rows.iter().map(|row| (row.name.clone(), row.version.clone())).collect();
        let changed = number(&status, "generation") != number(&self.status, "generation");
        let is_first = self.status.is_null();
        let was_new = |name: &str| self.rows.iter().any(|row| row.name == name && row.is_new);
        let row = |each: &Json| {
            let (name, version) = (text(each, "name").to_owned(), text(each, "version").to_owned());
            let came = !is_first && changed && !before.contains(&(name.clone(), version.clone()));
            Row {
                interface: format!("{} v{}", text(each, "interface"), number(each, "interface_version")),
                instances: number(each, "instances"),
                inside: number(each, "inside"),
                faults: each["faults"].as_u64().unwrap_or_else(|| self.faults_of(&format!("{name} {version}"))),
                calls: each["calls"].as_u64(),
                hash: each["hash"].as_str().map_or_else(|| "linked".to_owned(), |hash| process::short(hash).to_owned()),
                on_trial: each["on_trial"] == true,
                protected: each["protected"] == true,
                is_new: came || (!changed && was_new(&name)),
                name,
                version,
            }
        };
        self.rows = list(&status, "components").iter().map(row).collect();
        self.trial = status["trial"].is_object().then(|| process::trial::countdown(&status["trial"]));
        self.status = status;
        self.sort();
    }

    /// Takes an event.
    pub(super) fn event(&mut self, event: &Json) {
        if text(event, "event") == "fault" {
            let component = process::component(&event["component"]);
            *self.faults.entry(component).or_default() += 1;
        }
        let (style, said) = events::said(event);
        let at = events::moment(text(event, "at"));
        let time = at.split(' ').next_back().unwrap_or_default();
        self.events.push_front((style, format!("{time}  {said}")));
        self.events.truncate(KEPT);
    }

    /// Notes that there will be no further answers.
    pub(super) fn ended(&mut self, why: &str) {
        self.end = Some(why.to_owned());
        self.trial = None;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    pub(super) fn pause(&mut self) {
        self.is_paused = !self.is_paused;
    }

    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    pub(super) fn order(&mut self) {
        self.order = match self.order {
            Order::Name => Order::Faults,
            Order::Faults => Order::Instances,
            Order::Instances => Order::Name,
        };
        self.sort();
    }

    fn sort(&mut self) {
        let order = self.order;
        self.rows.sort_by(|a, b| {
            let by_name = || (&a.name, &a.interface).cmp(&(&b.name, &b.interface));
            match order {
                Order::Name => by_name(),
                Order::Faults => b.faults.cmp(&a.faults).then_with(by_name),
                Order::Instances => b.instances.cmp(&a.instances).then_with(by_name),
            }
        });
        self.selected = self.selected.min(self.rows.len().saturating_sub(1));
    }

    fn faults_of(&self, component: &str) -> u64 {
        self.faults.get(component).copied().unwrap_or_default()
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &(Style, String)> {
        self.events.iter()
    }

    pub(super) fn countdown(&self) -> Option<&str> {
        self.trial.as_deref()
    }

    /// A number of the status.
    pub(super) fn number(&self, member: &str) -> u64 {
        number(&self.status, member)
    }

    pub(super) fn is_gate_shut(&self) -> bool {
        self.status["is_gate_shut"] == true
    }

    /// Who is inside replaced instances.
    pub(super) fn inside(&self) -> Vec<String> {
        list(&self.status, "stragglers").iter().map(process::straggler).collect()
    }
}
