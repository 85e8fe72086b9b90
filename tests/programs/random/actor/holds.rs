//! Operations on handles, pins, kept values and other threads.

use std::{
    fs, os::unix::fs::MetadataExt as _, os::unix::process::CommandExt as _, panic, process::Command, sync::Arc, thread,
};

use lcr::Handle;
use lcr_tests::till::{Moods, v1::Till, v2};

use super::{Actor, Outcome, said};
use crate::{agent::Agent, keepsake::Keepsake};

impl Actor {
    /// Draws an operation on handles, pins, kept values or other threads.
    pub(super) fn hold(&self) -> Outcome {
        let what = self.draw(0..20);
        self.log(format_args!("hold {what}"));
        match what {
            0..3 => {
                let house = self.house();
                let old = self.stage.tills.put(self.draw(0..24) as usize, (house.till.clone(), house.account.clone()));
                drop(old);
                Ok(String::new())
            }
            3 | 4 => Ok(format!("{}", self.stage.tills.take(self.draw(0..24) as usize).is_some())),
            5 => {
                let later = self.house().rt.service_of::<dyn v2::Till>("till").map_err(|error| error.to_string())?;
                let _ = v2::Till::additions(&later);
                said(v2::Till::shift(&later, self.draw(0..8) as u8, self.draw(0..8) as u8, self.draw(0..100)))
            }
            6 => {
                let own = self.house().rt.reference::<dyn Till>(&Moods::default());
                let own = own.map_err(|error| error.to_string())?;
                said(own.add(1, 1))
            }
            7 => {
                let taken = self.own.borrow_mut().take();
                Ok(format!("{}", taken.is_some()))
            }
            8 | 9 => self.pin(),
            10 | 11 => {
                let last = self.pins.borrow().len() as u64;
                let pin = if last == 0 {
                    None
                } else {
                    Some(self.pins.borrow_mut().swap_remove(self.draw(0..last) as usize))
                };
                Ok(format!("{}", pin.is_some()))
            }
            12 => {
                let (till, account) = self.till();
                let pinned = Handle::pin(&till).map_err(|fault| fault.to_string())?;
                let added = self.add(&pinned, &account);
                drop(self.stage.pinned.put(0, pinned));
                added
            }
            13..15 => {
                let Some(pinned) = self.stage.pinned.take(self.draw(0..24) as usize) else { return Ok(String::new()) };
                let sums = pinned.sums();
                self.check(sums.as_ref().map(|sums| &sums.0), 0, u64::MAX);
                said(sums)
            }
            15 => {
                drop(self.stage.callbacks.put(self.draw(0..24) as usize, self.callback()));
                Ok(String::new())
            }
            16 => {
                let Some(callback) = self.stage.callbacks.take(self.draw(0..24) as usize) else {
                    return Ok(String::new());
                };
                Ok(format!("{}", callback(self.draw(0..9))))
            }
            17 => self.thread(),
            18 => self.agent(),
            _ if self.once_in(4) => {
                // If a user is given, std forks instead of spawning.
                let user = fs::metadata("/proc/self").map_err(|error| error.to_string())?.uid();
                said(Command::new("true").uid(user).status())
            }
            _ => Ok(format!("{:?}", Handle::generation(&self.till().0))),
        }
    }

    fn pin(&self) -> Outcome {
        let pin = self.house().rt.pin().map_err(|error| error.to_string())?;
        let mut pins = self.pins.borrow_mut();
        let old = if pins.len() < 3 { None } else { Some(pins.remove(0)) };
        pins.push(pin);
        drop(pins);
        drop(old);
        Ok(String::new())
    }

    /// Runs a short-lived thread, which leaves values for its very end.
    fn thread(&self) -> Outcome {
        let (stage, seed, number) = (Arc::clone(&self.stage), self.draw(0..1 << 40), self.number);
        let steps = self.draw(0..4);
        let body = move || {
            let actor = Actor::new(stage, seed, number);
            // Its steps are nested in this one.
            actor.depth.set(1);
            for _ in 0..steps {
                actor.step();
            }
            for _ in 0..2 {
                actor.leave();
            }
            if actor.once_in(4) {
                panic::resume_unwind(Box::new("a thread ends by a panic"));
            }
        };
        let thread = thread::Builder::new().spawn(body).map_err(|error| error.to_string())?;
        Ok(format!("{}", thread.join().is_ok()))
    }

    fn leave(&self) {
        let (till, _) = self.till();
        let keepsake = match self.draw(0..5) {
            0 => Some(Keepsake::Till(till)),
            1 => Handle::pin(&till).ok().map(Keepsake::Pinned),
            2 => self.house().rt.pin().ok().map(|pin| Keepsake::Pin(pin, till)),
            3 => self.stage.bytes.take(0).map(|(bytes, _)| Keepsake::Bytes(bytes)),
            _ => Some(Keepsake::Callback(self.callback())),
        };
        if let Some(keepsake) = keepsake {
            keepsake.leave();
        }
    }

    fn agent(&self) -> Outcome {
        let (number, what) = (self.draw(0..2) as usize, self.draw(0..10_000) as u32);
        let agent = if self.once_in(3) {
            self.house().rt.service::<dyn Agent>()
        } else {
            self.house().rt.reference::<dyn Agent>(&(number, what))
        };
        let agent = agent.map_err(|error| error.to_string())?;
        let answer = agent.act();
        let mut agents = self.agents.borrow_mut();
        let old = if agents.len() < 3 { None } else { Some(agents.remove(0)) };
        agents.push(agent);
        drop(agents);
        drop(old);
        said(answer)
    }
}
