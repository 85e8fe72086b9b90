//! Metrics of a runtime, through the facade `metrics`: what the program's recorder is told of what happens.
//!
//! The recorder is the program's code. So it is called where no lock is held, on a thread that has done what it was
//! about to do, and a panic of it changes nothing. Without feature `metrics` nothing of this is compiled.
//!
//! | name | kind | is |
//! |---|---|---|
//! | `lcr_commits_total` | counter | transactions that were committed |
//! | `lcr_refusals_total{kind}` | counter | plans that were refused |
//! | `lcr_generation` | gauge | the number of the last commit |
//! | `lcr_hold_seconds` | histogram | how long callers were held at commits that held some |
//! | `lcr_transaction_seconds` | histogram | how long transactions took up to their commits |
//! | `lcr_state_bytes_total` | counter | how much state was copied |
//! | `lcr_faults_total{component, method}` | counter | calls that ended in a fault |
//! | `lcr_trials` | gauge | 1 while a trial runs |
//! | `lcr_trial_ends_total{outcome}` | counter | trials that ended |
//! | `lcr_quarantined_total` | counter | files that were put in quarantine |
//! | `lcr_retained_image_bytes`, `lcr_retained_images` | gauge | images that stay mapped and serve nothing |

#[cfg(feature = "metrics")]
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{events::kind::EventKind, inner::RuntimeInner};

impl RuntimeInner {
    /// Tells followers and the recorder of metrics what happened. The caller holds no lock: the recorder is the
    /// program's code.
    pub(crate) fn tell(&self, event: EventKind) {
        #[cfg(feature = "metrics")]
        self.measure(&event);
        self.emit(event);
    }

    #[cfg(feature = "metrics")]
    fn measure(&self, event: &EventKind) {
        let retained = matches!(event, EventKind::Committed(_) | EventKind::Refused(_)).then(|| {
            let state = self.state();
            (state.images.count(), state.images.bytes())
        });
        // A recorder that panics changes nothing.
        drop(catch_unwind(AssertUnwindSafe(|| {
            record(event);
            if let Some((images, bytes)) = retained {
                metrics::gauge!("lcr_retained_images").set(images as f64);
                metrics::gauge!("lcr_retained_image_bytes").set(bytes as f64);
            }
        })));
    }
}

#[cfg(feature = "metrics")]
fn record(event: &EventKind) {
    match event {
        EventKind::Committed(committed) => {
            metrics::counter!("lcr_commits_total").increment(1);
            metrics::gauge!("lcr_generation").set(committed.generation as f64);
            metrics::histogram!("lcr_transaction_seconds").record(committed.total);
            if !committed.held.is_zero() {
                metrics::histogram!("lcr_hold_seconds").record(committed.held);
            }
            let bytes = committed.members.iter().map(|member| member.state_bytes as u64).sum();
            metrics::counter!("lcr_state_bytes_total").increment(bytes);
        }
        EventKind::Refused(refused) => {
            metrics::counter!("lcr_refusals_total", "kind" => refused.kind.name()).increment(1);
        }
        EventKind::Fault { component, interface, method, .. } => {
            let component = component.as_ref().map_or_else(String::new, ToString::to_string);
            let method = format!("{interface}.{}", method.as_deref().unwrap_or_default());
            metrics::counter!("lcr_faults_total", "component" => component, "method" => method).increment(1);
        }
        EventKind::TrialBegan { .. } => metrics::gauge!("lcr_trials").set(1.0),
        EventKind::TrialEnded { outcome, .. } => {
            metrics::gauge!("lcr_trials").set(0.0);
            metrics::counter!("lcr_trial_ends_total", "outcome" => outcome.clone()).increment(1);
        }
        EventKind::Quarantined { .. } => metrics::counter!("lcr_quarantined_total").increment(1),
        _ => {}
    }
}
