//! What the keys of `top` do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::view::View;

/// What follows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Then {
    /// The view ends.
    End,
    /// The process is asked at once.
    Look,
    Wait,
}

/// The keys with their meanings, for the help.
pub(super) const KEYS: [(&str, &str); 6] = [
    ("q, Esc", "end"),
    ("Up, Down, j, k", "select a component"),
    ("s", "sort by name, faults or instances"),
    ("p, Space", "pause, and go on"),
    ("r", "look now"),
    ("?, h", "these keys"),
];

/// Changes the view as a key says.
pub(super) fn press(view: &mut View, key: KeyEvent) -> Then {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c' | 'd') if is_control => return Then::End,
        KeyCode::Esc if view.shows_help => view.shows_help = false,
        KeyCode::Char('q') | KeyCode::Esc => return Then::End,
        KeyCode::Up | KeyCode::Char('k') => view.selected = view.selected.saturating_sub(1),
        KeyCode::Down | KeyCode::Char('j') => {
            view.selected = (view.selected + 1).min(view.rows().len().saturating_sub(1));
        }
        KeyCode::Home | KeyCode::Char('g') => view.selected = 0,
        KeyCode::End | KeyCode::Char('G') => view.selected = view.rows().len().saturating_sub(1),
        KeyCode::Char('s') => view.order(),
        KeyCode::Char('p' | ' ') => view.pause(),
        KeyCode::Char('r') => return Then::Look,
        KeyCode::Char('?' | 'h') => view.shows_help = !view.shows_help,
        _ => {}
    }
    Then::Wait
}
