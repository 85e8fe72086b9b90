//! A linked component whose constructor and destructor use the runtime that builds it, and others.

use std::sync::{Arc, OnceLock, Weak};

use lcr::{BoxError, Context, Handle};
use lcr_tests::till::{Clerk, Moods, v1::Till};

use crate::stage::{House, Stage};

/// The stage of this program, for components whose configuration has only numbers.
pub static STAGE: OnceLock<Weak<Stage>> = OnceLock::new();

/// A component that builds instances through the runtime.
#[lcr::interface(name = "random.agent", version = 1)]
pub trait Agent {
    /// Calls through the handles that it holds, and returns how many calls succeeded.
    fn act(&self) -> Result<u64, lcr::Fault>;
}

/// Holds handles, and sometimes the house that it lives in.
pub struct Holder {
    tills: Vec<Handle<dyn Till>>,
    clerk: Option<Handle<dyn Clerk>>,
    other: Option<Handle<dyn Agent>>,
    _house: Option<Arc<House>>,
}

impl Holder {
    /// The configuration is the number of a house and what to do there, digit by digit.
    fn create(context: &Context) -> Result<Holder, BoxError> {
        let (number, what): (usize, u32) = if context.is_configured() { context.config()? } else { (0, 1) };
        let stage = STAGE.get().and_then(Weak::upgrade).ok_or("the program ends")?;
        let house = stage.house(number);
        let mut holder = Holder { tills: Vec::new(), clerk: None, other: None, _house: None };
        for digit in what.to_string().bytes() {
            match digit % 10 {
                0 => holder.tills.push(house.rt.service_of("till")?),
                1 => holder.tills.push(house.rt.reference_of("till", &Moods::default())?),
                2 => holder.clerk = house.rt.service().ok(),
                // The recursion ends where the component asks for itself.
                3 => holder.other = house.rt.service().ok(),
                4 => holder.other = house.rt.reference(&(number + 1, what / 10)).ok(),
                5 if stage.may_map() => drop(house.rt.replace(stage.component("till_1"))),
                6 => drop(house.rt.pin()),
                7 => drop(house.rt.wait_drained(std::time::Duration::from_millis(1))),
                8 => return Err("the agent does not want to".into()),
                _ => std::panic::resume_unwind(Box::new("the agent's constructor panics")),
            }
        }
        if what % 7 == 0 {
            holder._house = Some(house);
        }
        Ok(holder)
    }
}

#[lcr::component(name = "agent", version = "1.0.0", create = Self::create)]
impl Agent for Holder {
    fn act(&self) -> Result<u64, lcr::Fault> {
        let mut answers = 0;
        for till in &self.tills {
            answers += u64::from(till.sums()?.0.is_whole());
        }
        answers += u64::from(self.clerk.as_ref().is_some_and(|clerk| clerk.sums().is_ok()));
        Ok(answers + self.other.as_ref().map_or(Ok(0), |other| other.act())?)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        if let Some(house) = STAGE.get().and_then(Weak::upgrade).map(|stage| stage.house(0)) {
            let _ = house.rt.status();
            drop(house.rt.service::<dyn Clerk>());
        }
        let _ = self.act();
    }
}
