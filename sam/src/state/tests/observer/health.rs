//! The observer's own account of health: what is owed, excused and made good.

use super::*;

impl Observer {
    fn respite(&self) -> Duration {
        if self.policy.interval.is_zero() { rig::S } else { self.policy.interval }
    }

    /// When something that the instance owes is overdue.
    pub(super) fn due(&self) -> Time {
        let main_off = self.policy.interval.is_zero() && self.reading.check == 0;
        let board = if main_off { NEVER } else { self.reading.due };
        let answer = self.question.map_or(NEVER, |(_, at)| at.after(self.policy.interval));
        board.min(answer).min(self.ready_by)
    }

    fn probes_bad(&self) -> bool {
        self.policy.probe.is_some_and(|p| self.probes_failed >= p.failures.max(1))
    }

    /// Does the first good probe make it ready?
    fn boots(&self) -> bool {
        self.policy.probe.is_some_and(|p| p.tells_ready) && self.reading.phase == Phase::Starting
    }

    pub(super) fn probe_period(&self, probe: Probing) -> Duration {
        if self.boots() { probe.every.clamp(BRIEF, rig::S) } else { probe.every.max(BRIEF) }
    }

    /// Time heals: it was healthy for long enough after a recovery.
    pub(super) fn clear(&mut self, now: Time) {
        let healed = self.suspect_since.is_some_and(|at| now.since(at) >= self.policy.healthy_after);
        let finalized = self.policy.finalizes && self.reading.phase == Phase::Stopping;
        if finalized || (healed && self.reading.phase != Phase::Stopping) {
            self.suspect_since = None;
        }
    }

    /// Is its health looked after?
    pub(super) fn attended(&self) -> bool {
        self.life == Life::Alive && self.stop.is_none() && !self.renews && !self.killed && !self.suspended
    }

    pub(super) fn looked(&mut self, reading: Reading, planned: Time, now: Time) -> Option<Why> {
        self.clear(now);
        self.reading = reading;
        if !self.attended() {
            return None;
        }
        if reading.phase != Phase::Starting {
            self.ready_by = NEVER;
        }
        let asks =
            self.policy.checks == Checks::Asks && !self.policy.interval.is_zero() && reading.phase == Phase::Running;
        if !asks {
            (self.question, self.next_question) = (None, None);
        } else if let Some((number, at)) = self.question {
            if reading.answered == number {
                self.question = None;
                self.next_question = Some(at.after(self.policy.interval));
            }
        } else if self.next_question.is_none() {
            self.next_question = Some(now);
        }
        let serves = match reading.phase {
            Phase::Starting => (self.policy.start_limit.is_none() && !self.policy.says_ready) || self.boots(),
            phase => phase != Phase::Stopping,
        };
        match self.policy.probe {
            Some(p) if serves && self.next_probe == NEVER => {
                self.next_probe = now.after(self.probe_period(p));
            }
            Some(_) if !serves => self.next_probe = NEVER,
            _ => {}
        }
        let due = self.due();
        if let Some((why, _)) = self.warned {
            let recovered = match why {
                Why::Failed => !reading.failed,
                Why::Probe => !self.probes_bad(),
                Why::Miss { due: missed } => due > missed,
            };
            if !recovered {
                return None;
            }
            self.warned = None;
            self.suspect_since = Some(now);
        }
        if reading.failed {
            return Some(Why::Failed);
        }
        if self.probes_bad() {
            return Some(Why::Probe);
        }
        if now >= due && now >= self.excused_until {
            let slack = (self.policy.interval / 4).max(50 * rig::MS);
            let excused = match reading.excuse {
                Some(Excuse::Traced) => true,
                Some(Excuse::Starved) if self.starved < 10 => {
                    self.starved += 1;
                    true
                }
                _ if now > planned.after(slack) && !self.late_excused => {
                    self.late_excused = true;
                    true
                }
                _ => return Some(Why::Miss { due }),
            };
            assert!(excused);
            self.excused_until = now.after(self.respite());
        } else if now < due {
            (self.starved, self.late_excused) = (0, false);
        }
        if self.ready_by == NEVER || self.policy.start_limit.is_none() {
            self.well_since = self.well_since.or(Some(now));
        }
        None
    }

    pub(super) fn probed(&mut self, well: bool, now: Time) -> Option<Why> {
        self.next_probe = self.next_probe.max(now.after(BRIEF));
        if well {
            self.probes_failed = 0;
        } else if !self.suspended && !self.boots() {
            self.probes_failed += 1;
        }
        (self.attended() && self.warned.is_none() && self.probes_bad()).then_some(Why::Probe)
    }

    pub(super) fn probe_too_long(&mut self, now: Time) -> Option<Why> {
        let dies = self.warned.is_some_and(|(_, kill_at)| kill_at <= now);
        let ends = self.attended() && !dies && self.probe_by.is_some_and(|by| by <= now);
        if ends { self.probed(false, now) } else { None }
    }

    pub(super) fn warn(&mut self, why: Why, now: Time) {
        let until = match why {
            Why::Miss { due } => Time(due.0.saturating_sub(self.policy.interval.as_nanos() as u64)),
            _ => now,
        };
        self.credit(until);
        self.well_since = None;
        self.suspect_since = None;
        (self.starved, self.late_excused) = (0, false);
        self.warned = Some((why, now.after(self.policy.grace)));
    }

    pub(super) fn continued(&mut self, now: Time) {
        if !std::mem::take(&mut self.suspended) {
            return;
        }
        self.excused_until = now.after(self.respite());
        if self.ready_by != NEVER {
            self.ready_by = now.after(self.policy.start_limit.unwrap());
        }
        self.question = self.question.map(|(number, _)| (number, now));
        self.probe_by = self.probe_by.map(|_| now.after(self.policy.probe.unwrap().limit.max(BRIEF)));
        self.warned = self.warned.map(|(why, _)| (why, now.after(self.policy.grace)));
    }

    pub(super) fn credit(&mut self, until: Time) {
        if let Some(since) = self.well_since
            && until >= since
            && until.since(since) >= self.policy.healthy_after
        {
            self.streak = 0;
        }
    }
}
