//! Starts the probe: a command that looks at the instance from outside.

use super::{
    Supervisor,
    shell::{Inherited, ShellCommand},
};
use crate::time::Time;

impl Supervisor {
    /// Starts the probe. `None` if that fails, or if there is no probe. The machine limits the probe's time.
    pub(super) fn start_probe(&self) -> Option<ShellCommand> {
        let (Some(probe), Some(instance)) = (&self.options.probe, &self.instance) else { return None };
        let inherited = Inherited { supervisor: self.pid, mask: &self.mask, logs: self.options.log };
        let started = ShellCommand::start(probe, Time::NEVER, inherited, |command| {
            command.env("SAM_PID", instance.pid().to_string());
            command.env("SAM_INSTANCE", self.state.instance().to_string());
        });
        started.ok()
    }
}
