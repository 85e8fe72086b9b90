use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};
use serde_json::{Value as Json, json};

use super::*;
use crate::top::keys::{Then, press};

/// What a terminal of that size shows.
fn shown(view: &View, width: u16, height: u16) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| render(frame, view)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |row| (0..width).map(|column| buffer[(column, row)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect()
}

fn status(generation: u64, till: &str) -> Json {
    let component = |name: &str, version: &str, hash: Json| {
        json!({ "name": name, "version": version, "interface": format!("shop.{name}"), "interface_version": 1,
                "instances": 1, "inside": if name == "till" { 2 } else { 0 }, "hash": hash,
                "protected": name == "clerk" })
    };
    json!({
        "generation": generation, "instances": 2, "handles": 3, "pins": 0, "retiring": 0, "is_gate_shut": false,
        "retained_images": 1, "retained_image_bytes": 2_097_152, "stragglers": [],
        "components": [component("till", till, json!("0123456789abcdef")), component("clerk", "1.0.0", Json::Null)],
    })
}

fn view() -> View {
    let mut view = View::new("shop (pid 7)".to_owned());
    view.status(status(3, "1.0.0"));
    view
}

fn fault() -> Json {
    json!({ "number": 1, "at": "2026-11-30T07:08:09.000123Z", "event": "fault", "method": "take", "message": "jammed",
            "component": { "name": "till", "version": "2.0.0" }, "interface": "shop.till" })
}

fn key(view: &mut View, code: KeyCode) -> Then {
    press(view, KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn the_view_shows_components_with_versions_and_what_they_are() {
    let rows = shown(&view(), 100, 12);
    let expected = [
        "shop (pid 7)  generation 3",
        "2 instances, 3 handles, 0 pins, 0 retiring, 1 image retained (2.0 MiB)",
        "",
        "COMPONENT  VERSION  INTERFACE      INSTANCES  INSIDE  CALLS     FAULTS  HASH          IS",
        "clerk      1.0.0    shop.clerk v1  1          0                 0       linked        protected",
        "till       1.0.0    shop.till v1   1          2                 0       0123456789ab",
        "last changes",
    ];
    assert_eq!(rows[..7], expected);
    assert_eq!(rows[11], "q end  s sort  p pause  r look now  ? keys");
}

#[test]
fn a_trial_by_calls_shows_how_many_are_left_and_for_how_long_it_waits() {
    let mut view = view();
    let mut on_trial = status(4, "2.0.0");
    let calls = json!({ "wanted": 1_000, "answered": 12, "left": 988 });
    on_trial["trial"] = json!({ "left_us": 600_000_000, "calls": calls, "members": [] });
    view.status(on_trial);
    let text = shown(&view, 110, 14).join("\n");
    assert!(text.contains("TRIAL: 988 calls left, 600.0s at most"), "{text}");
}

#[test]
fn a_change_a_fault_and_a_trial_are_seen() {
    let mut view = view();
    view.status(status(4, "2.0.0"));
    view.event(&fault());
    let mut on_trial = status(4, "2.0.0");
    on_trial["trial"] = json!({ "left_us": 4_200_000, "members": [] });
    view.status(on_trial);
    let text = shown(&view, 110, 14).join("\n");
    for part in [
        "generation 4  TRIAL: 4.2s left",
        "till       2.0.0    shop.till v1   1          2                 1       0123456789ab  new",
        "07:08:09  fault in till 2.0.0 (shop.till.take): jammed",
    ] {
        assert!(text.contains(part), "{text}\nlacks\n{part}");
    }
}

#[test]
fn the_end_of_the_process_is_said_and_what_was_seen_stays() {
    let mut view = view();
    view.ended("process 7 has closed the connection");
    let text = shown(&view, 100, 12).join("\n");
    assert!(text.contains("ended: process 7 has closed the connection") && text.contains("till       1.0.0"), "{text}");
}

#[test]
fn keys_select_sort_pause_and_end() {
    let mut view = view();
    assert_eq!(key(&mut view, KeyCode::Down), Then::Wait);
    assert_eq!(view.selected, 1);
    assert_eq!(key(&mut view, KeyCode::Down), Then::Wait);
    assert_eq!(view.selected, 1);
    view.event(&fault());
    view.status(status(4, "2.0.0"));
    assert_eq!(key(&mut view, KeyCode::Char('s')), Then::Wait);
    assert_eq!(view.rows()[0].name, "till");
    assert_eq!(key(&mut view, KeyCode::Char('p')), Then::Wait);
    assert!(view.is_paused());
    assert_eq!(key(&mut view, KeyCode::Char('?')), Then::Wait);
    assert!(shown(&view, 100, 20).join("\n").contains("select a component"));
    assert_eq!(key(&mut view, KeyCode::Esc), Then::Wait);
    assert_eq!(key(&mut view, KeyCode::Char('r')), Then::Look);
    assert_eq!(key(&mut view, KeyCode::Char('q')), Then::End);
}

#[test]
fn no_size_of_a_terminal_is_too_small() {
    let mut view = view();
    view.shows_help = true;
    for (width, height) in [(1, 1), (2, 3), (10, 2), (40, 5), (300, 100)] {
        assert_eq!(shown(&view, width, height).len(), usize::from(height));
    }
}
