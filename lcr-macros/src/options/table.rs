//! The keys that our attributes take: one table for each attribute, which is the struct that
//! its options are read into.

use syn::{Path, Type, parse::ParseStream};

use super::{
    Field, Flag, Options, Spanned, StateKey, Unfilled,
    names::{ComponentName, InterfaceName, SemanticVersion},
    value::RuntimeName,
};
use crate::sam_main::values::{
    Backoff, Budget, Cgroup, Checks, Codes, Interval, KillMode, Recovery, Respawn, Signal, SignalTarget, Strays, Time,
};

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident { $($key:literal is $field:ident: $of:ty, as $usage:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name {
            $(pub(crate) $field: Field<$of>,)*
        }

        impl Options for $name {
            const KEYS: &'static [(&'static str, &'static str)] = &[$(($key, $usage)),*];

            fn fill(&mut self, key: &str, input: ParseStream<'_>) -> Option<Result<(), Unfilled>> {
                match key {
                    $($key => Some(self.$field.fill(key, input)),)*
                    _ => None,
                }
            }
        }
    )*};
}

options! {
    /// `#[lcr::interface(..)]`.
    InterfaceOptions {
        "name" is name: Spanned<InterfaceName>, as "name = \"kv.store\"";
        "version" is version: Spanned<u32>, as "version = 1";
        "replaces" is replaces: Vec<Spanned<u64>>, as "replaces(1, 2)";
        "deps" is deps: Vec<Path>, as "deps(Journal, other::Clock)";
        "patches" is patches: Flag, as "patches";
        "mocks" is mocks: Flag, as "mocks";
        "crate" is lcr: Path, as "crate = other::lcr";
    }

    /// `#[lcr::component(..)]`.
    ComponentOptions {
        "name" is name: Spanned<ComponentName>, as "name = \"kv-hash\"";
        "version" is version: Spanned<SemanticVersion>, as "version = \"1.2.3\"";
        "create" is create: Path, as "create = Self::open";
        "healthy" is healthy: Path, as "healthy = Self::check";
        "replaces" is replaces: Vec<Spanned<u64>>, as "replaces(1, 2)";
        "deps" is deps: Vec<Path>, as "deps(Journal, other::Clock)";
        "state" is state: StateKey, as "state = field";
        "state_version" is state_version: Spanned<u32>, as "state_version = 2";
        "migrate" is migrate: Path, as "migrate = Self::migrate";
        "downgrade" is downgrade: Path, as "downgrade = Self::downgrade";
        "downgrades_to" is downgrades_to: Vec<Spanned<u64>>, as "downgrades_to(1, 2)";
        "incremental" is incremental: Path, as "incremental = field";
        "protected" is protected: Flag, as "protected";
        "unload" is unload: Flag, as "unload";
        "cancel" is cancel: Flag, as "cancel";
        "runtime" is runtime: RuntimeName, as "runtime = tokio";
        "separate" is separate: Flag, as "separate";
        "crate" is lcr: Path, as "crate = other::lcr";
    }

    /// `#[lcr::patch(..)]`.
    PatchOptions {
        "interface" is interface: Type, as "interface = dyn Store";
        "name" is name: Spanned<ComponentName>, as "name = \"no-secrets\"";
        "version" is version: Spanned<SemanticVersion>, as "version = \"1.2.3\"";
        "component" is component: Spanned<ComponentName>, as "component = \"kv-hash\"";
        "crate" is lcr: Path, as "crate = other::lcr";
    }

    /// `#[abi(..)]` beside `#[derive(lcr::Abi)]`.
    AbiOptions {
        "plain" is plain: Flag, as "plain";
        "crate" is lcr: Path, as "crate = other::lcr";
    }

    /// `#[abi(..)]` on a field, or on an argument of a method.
    ValueOptions {
        "secret" is secret: Flag, as "secret";
    }

    /// `#[lcr(..)]` on a method of an interface.
    MethodOptions {
        "pure" is pure: Flag, as "pure";
    }

    /// `#[layout(..)]` beside `#[derive(lcr::Layout)]`.
    LayoutOptions {
        "crate" is lcr: Path, as "crate = other::lcr";
    }

    /// `#[sam::main(..)]`: each key but `crate` is a method of `sam::Builder`.
    MainOptions {
        "interval" is interval: Spanned<Interval>, as "interval = \"2s\"";
        "policy" is policy: Spanned<Recovery>, as "policy = \"restart\"";
        "checks" is checks: Spanned<Checks>, as "checks = \"beats\"";
        "warn_signal" is warn_signal: Spanned<Signal>, as "warn_signal = \"SIGTERM\"";
        "reopen_signal" is reopen_signal: Spanned<Signal>, as "reopen_signal = \"SIGHUP\"";
        "stop_signal" is stop_signal: Spanned<Signal>, as "stop_signal = \"SIGQUIT\"";
        "pass_signals" is pass_signals: Spanned<SignalTarget>, as "pass_signals = \"main\"";
        "kill_mode" is kill_mode: Spanned<KillMode>, as "kill_mode = \"group\"";
        "grace" is grace: Spanned<Time>, as "grace = \"2s\"";
        "start_limit" is start_limit: Spanned<Time>, as "start_limit = \"30s\"";
        "stop_limit" is stop_limit: Spanned<Time>, as "stop_limit = \"10s\"";
        "backoff" is backoff: Spanned<Backoff>, as "backoff = \"100ms..30s\"";
        "budget" is budget: Spanned<Budget>, as "budget = \"10/60s\"";
        "healthy_after" is healthy_after: Spanned<Time>, as "healthy_after = \"10s\"";
        "clean_exits" is clean_exits: Codes, as "clean_exits(3, 4)";
        "fatal_exits" is fatal_exits: Codes, as "fatal_exits(64, 78)";
        "respawn" is respawn: Spanned<Respawn>, as "respawn = \"fork\"";
        "strays" is strays: Spanned<Strays>, as "strays = \"kill\"";
        "cgroup" is cgroup: Spanned<Cgroup>, as "cgroup = \"auto\"";
        "outlive" is outlive: bool, as "outlive = true";
        "huge_pages" is huge_pages: bool, as "huge_pages = false";
        "standby" is standby: bool, as "standby = false";
        "ready_at_start" is ready_at_start: bool, as "ready_at_start = false";
        "log" is log: bool, as "log = false";
        "events" is events: Spanned<String>, as "events = \"events.jsonl\"";
        "status" is status: Spanned<String>, as "status = \"status.json\"";
        "probe" is probe: Spanned<String>, as "probe = \"curl -fs localhost\"";
        "probe_every" is probe_every: Spanned<Time>, as "probe_every = \"10s\"";
        "probe_limit" is probe_limit: Spanned<Time>, as "probe_limit = \"5s\"";
        "probe_failures" is probe_failures: Spanned<u32>, as "probe_failures = 3";
        "crate" is sam: Path, as "crate = other::sam";
    }
}
