//! Operations that change a runtime.

use std::{fs, path::PathBuf, time::Duration};

use lcr::{ErrorKind, Plan, PlanBuilder};
use lcr_tests::till::{Clerk, Mood, Moods, v1::Till};

use crate::{
    actor::{Actor, Outcome, said},
    stage::House,
};

/// The kinds of errors for which a runtime must not refuse one of the test's own libraries.
const IMPOSSIBLE: [ErrorKind; 5] =
    [ErrorKind::NotALibrary, ErrorKind::NoManifest, ErrorKind::BadManifest, ErrorKind::Untrusted, ErrorKind::Io];

impl Actor {
    /// Draws a change of the components that are present.
    pub fn change(&self) -> Outcome {
        let what = self.draw(0..24);
        self.log(format_args!("change {what}"));
        let house = self.house();
        match what {
            0..8 => self.replace(&house),
            8 => self.plan_for_later(&house),
            9 => self.commit_what_was_planned(),
            10 => said(house.rt.configure("till", &self.moods())),
            11 => said(house.rt.configure("clerk", &self.moods())),
            12 => said(house.rt.configure("agent", &(self.draw(0..2), self.draw(0..1000)))),
            13 => self.load_garbage(&house),
            14 => said(self.quick(house.rt.plan()).add(self.stage.component("till_1_of_another_component")).commit()),
            15 => said(
                self.quick(house.rt.plan())
                    .remove(["second_till", "clerk", "till", "agent"][self.draw(0..4) as usize])
                    .commit(),
            ),
            16 => said(
                self.quick(house.rt.plan())
                    .bind::<dyn Till>(["till", "second_till"][self.draw(0..2) as usize])
                    .commit(),
            ),
            17 => said(
                self.quick(house.rt.plan()).bind::<dyn Clerk>(["clerk", "nobody"][self.draw(0..2) as usize]).commit(),
            ),
            18 => said(house.rt.wait_drained(Duration::from_millis(self.draw(0..20)))),
            19 | 20 => {
                let status = house.rt.status();
                must!(status.destroyed <= status.constructed, "{status:#?}");
                Ok(format!("{} images retained, {} retiring", status.retained_images, status.retiring))
            }
            21 => self.load_directory(&house),
            _ if self.once_in(20) => self.rebuild(),
            _ => Ok(format!("{}", house.rt.generation())),
        }
    }

    fn moods(&self) -> Moods {
        let mood = || match self.draw(0..12) {
            0 => Mood::Refuse,
            1 => Mood::Panic,
            2 => Mood::Linger(self.draw(0..30) as u8),
            _ => Mood::Fine,
        };
        Moods { create: mood(), healthy: mood(), save: mood(), restore: mood(), destroy: mood() }
    }

    /// Gives a plan short limits, so that a thread that waits in vain soon goes on.
    fn quick<'rt>(&self, plan: PlanBuilder<'rt>) -> PlanBuilder<'rt> {
        let plan = plan.timeout(Duration::from_millis(self.draw(20..400)));
        plan.deadline(Duration::from_millis(self.draw(10..200))).gate_wait(Duration::from_millis(self.draw(0..60)))
    }

    /// A library of a till or a clerk, and the component's name.
    fn file(&self) -> (PathBuf, &'static str) {
        let unload = if self.stage.unload && self.once_in(2) { "_unload" } else { "" };
        let (file, name) = match self.draw(0..20) {
            0..8 => (format!("till_1{unload}"), "till"),
            8..13 => (format!("till_2{unload}"), "till"),
            13..18 => (format!("clerk{unload}"), "clerk"),
            18 => ("till_1_of_another_component".to_owned(), "second_till"),
            _ => ("till_1_of_another_signature".to_owned(), "till"),
        };
        (self.stage.component(&file), name)
    }

    fn plan<'rt>(&self, house: &'rt House) -> PlanBuilder<'rt> {
        let (file, name) = self.file();
        let mut plan = self.with_moods(self.quick(house.rt.plan()).replace(file), name);
        if self.once_in(3) {
            let (file, second) = self.file();
            if second != name || self.once_in(8) {
                plan = self.with_moods(plan.replace(file), second);
            }
        }
        if !self.once_in(4) {
            plan = plan.override_protected();
        }
        if self.once_in(if name == "clerk" { 4 } else { 32 }) {
            plan = plan.discard_state("clerk");
        }
        if self.once_in(12) {
            plan = plan.bind::<dyn Till>("till");
        }
        plan
    }

    /// Adds a configuration for a component to a plan, mostly one with which nothing goes wrong.
    fn with_moods<'rt>(&self, plan: PlanBuilder<'rt>, name: &str) -> PlanBuilder<'rt> {
        let moods = if self.once_in(3) { self.moods() } else { Moods::default() };
        match plan.configure(name, &moods) {
            Ok(plan) => plan,
            Err(error) => crate::stage::violated(format_args!("moods cannot be encoded: {error}")),
        }
    }

    fn replace(&self, house: &House) -> Outcome {
        if !self.stage.may_map() {
            return Ok("no more images".to_owned());
        }
        let result = match self.draw(0..10) {
            0 => self.quick(house.rt.plan()).replace_component("till", self.file().0).commit(),
            1 => self.quick(house.rt.plan()).add(self.file().0).commit(),
            _ => self.plan(house).commit(),
        };
        if let Err(error) = &result {
            must!(!IMPOSSIBLE.contains(&error.kind()), "a good file was refused: {error}");
        }
        result.map(|report| report.to_string()).map_err(|error| format!("{}: {error}", error.kind().name()))
    }

    fn plan_for_later(&self, house: &House) -> Outcome {
        let plan = self.plan(house).build();
        let text = plan.to_string();
        must!(!text.is_empty(), "a plan says nothing");
        drop(self.stage.plans.put(self.draw(0..24) as usize, plan));
        Ok(text)
    }

    fn commit_what_was_planned(&self) -> Outcome {
        let plan = self.stage.plans.take(self.draw(0..24) as usize);
        if plan.is_none() || !self.stage.may_map() {
            return Ok(String::new());
        }
        said(plan.map(Plan::commit).transpose())
    }

    /// Offers a file that is no component.
    fn load_garbage(&self, house: &House) -> Outcome {
        let path = self.stage.scratch.join(format!("garbage-{}.so", self.draw(0..4)));
        let bytes = match self.draw(0..4) {
            0 => lcr_tests::till::bytes_of(self.draw(0..100), self.draw(0..5000) as usize),
            1 => b"\x7fELF\x02\x01\x01".repeat(self.draw(1..100) as usize),
            2 => return said(house.rt.load(&self.stage.scratch)),
            _ => {
                let mut whole = fs::read(self.file().0).map_err(|error| error.to_string())?;
                // The tables of sections are at the end.
                whole.truncate(self.draw(0..whole.len() as u64) as usize);
                whole
            }
        };
        fs::write(&path, bytes).map_err(|error| error.to_string())?;
        let result = house.rt.load(&path);
        must!(result.is_err(), "garbage was loaded: {result:?}");
        said(result)
    }

    fn load_directory(&self, house: &House) -> Outcome {
        let loaded = house.rt.load_directory(&self.stage.scratch);
        must!(loaded.as_ref().map_or(true, |loaded| loaded.report.is_none()), "garbage was loaded: {loaded:?}");
        said(loaded)
    }

    /// Replaces a runtime by a new one. The last user of the old runtime drops it.
    fn rebuild(&self) -> Outcome {
        if !(self.stage.may_map() && self.stage.may_map()) {
            return Ok("no more images".to_owned());
        }
        let house = House::open(&self.stage.components, self.once_in(2));
        let house = house.unwrap_or_else(|error| crate::stage::violated(format_args!("no new runtime: {error}")));
        let old = self.stage.rebuild(self.draw(0..2) as usize, house);
        drop(old);
        Ok(String::new())
    }
}
