//! A warning, as the supervisor tells it to the instance: one word on the board.
//!
//! The signal that warns may be blocked, may have no handler, or may be the one that stops. So the supervisor writes
//! the word ahead of the signal: how many warnings there were, and why the last one came.

use crate::state::Cause;

/// The last warning of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Warned {
    /// How many there were; 1 at least. The count goes round.
    pub(crate) number: u16,
    pub(crate) cause: Cause,
}

const FAILED: u8 = 1;
const OVERDUE: u8 = 2;
const UNANSWERED: u8 = 3;
const PROBE: u8 = 4;
const START: u8 = 5;

impl Warned {
    /// Of the warning before this one, if there was one.
    pub(super) fn next(before: Option<Warned>, cause: Cause) -> Warned {
        Warned { number: before.map_or(0, |before| before.number).wrapping_add(1).max(1), cause }
    }

    pub(super) fn to_word(self) -> u32 {
        let (cause, check) = match self.cause {
            Cause::Failed => (FAILED, 0),
            Cause::Overdue { check } => (OVERDUE, check),
            Cause::Unanswered => (UNANSWERED, 0),
            Cause::Probe => (PROBE, 0),
            Cause::Start => (START, 0),
        };
        u32::from(self.number) << 16 | u32::from(check) << 8 | u32::from(cause)
    }

    /// `None` if there was none, or if the word was overwritten.
    pub(super) fn of_word(word: u32) -> Option<Warned> {
        let [cause, check, low, high] = word.to_le_bytes();
        let cause = match cause {
            FAILED => Cause::Failed,
            OVERDUE => Cause::Overdue { check },
            UNANSWERED => Cause::Unanswered,
            PROBE => Cause::Probe,
            START => Cause::Start,
            _ => return None,
        };
        Some(Warned { number: u16::from_le_bytes([low, high]), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_read_as_it_was_written_and_any_word_is_one_or_none() {
        let mut before = None;
        for cause in [Cause::Failed, Cause::Overdue { check: 63 }, Cause::Unanswered, Cause::Probe, Cause::Start] {
            let warned = Warned::next(before, cause);
            assert_eq!(Warned::of_word(warned.to_word()), Some(warned));
            before = Some(warned);
        }
        assert_eq!(before.map(|last| last.number), Some(5));
        assert_eq!(Warned::next(Some(Warned { number: u16::MAX, cause: Cause::Probe }), Cause::Probe).number, 1);
        for word in [0, 6, 0xff, u32::MAX] {
            assert_eq!(Warned::of_word(word), None);
        }
    }
}
