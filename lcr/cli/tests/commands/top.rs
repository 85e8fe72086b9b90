//! `top` in a terminal, and colours there.

use crate::{harness::component, server::Place, terminal::Terminal};

#[test]
fn top_shows_a_change_as_it_happens_and_ends_by_a_key() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let mut top = Terminal::run(place.lcr().args(["top", "--every", "100ms"]));
    top.wait_for("till       1.0.0");
    top.wait_for("q end");
    place.run(["replace", &component("till_panics")]).with(0);
    top.wait_for("till       3.0.0");
    top.wait_for("till 1.0.0 -> till 3.0.0");
    assert_eq!(server.tell("sell"), "no");
    top.wait_for("the drawer is jammed at 100 cents");
    top.press("?");
    top.wait_for("sort by name, faults or instances");
    top.press("?");
    top.press("q");
    let end = top.end();
    assert_eq!(end.code(), Some(0));
}

#[test]
fn top_stays_and_says_so_when_the_process_ends() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    let mut top = Terminal::run(place.lcr().args(["top", "--every", "100ms"]));
    top.wait_for("till       1.0.0");
    server.kill();
    top.wait_for("ended:");
    top.press("\x03");
    assert_eq!(top.end().code(), Some(0));
}

#[test]
fn top_without_a_terminal_says_what_to_use_instead() {
    let place = Place::new();
    let _server = place.start(&["till_1"]);
    place.run(["top"]).with(64).complains("lcr ls --json");
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let place = Place::new();
    let _server = place.start(&["till_1"]);
    for (is_set, colours) in [(false, true), (true, false)] {
        let mut command = place.lcr();
        command.arg("ls");
        if is_set {
            command.env("NO_COLOR", "1");
        }
        let terminal = Terminal::run(&mut command);
        terminal.wait_for("shop.till v1");
        assert_eq!(terminal.written().contains("\x1b[1m"), colours, "{:?}", terminal.written());
        assert_eq!(terminal.end().code(), Some(0));
    }
}
