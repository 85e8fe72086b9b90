//! `top`: the components, faults and last changes of a process in a terminal, as they change.
//!
//! [`view`] is what is shown, made of the answers of the process and of its events; [`render`] draws it, as a function
//! of the view alone; [`keys`] changes it. This file is the loop between them. One connection asks for the status;
//! another one, on a thread of its own, follows the events. If the process ends, the view stays and says so.

mod keys;
mod render;
mod view;

use std::{
    io::{self, IsTerminal as _},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use lcr::control::Streamed;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use serde_json::Value as Json;

use crate::{
    arguments::{Target, Top},
    exit::{Failure, Outcome},
    output::Output,
    process::{Process, nothing},
};

use keys::Then;
use view::View;

/// How long the loop waits for a key at most, so that countdowns go on.
const TICK: Duration = Duration::from_millis(100);

/// Shows the process until the user ends it.
pub(crate) fn top(arguments: &Top, output: &Output) -> Result<Outcome, Failure> {
    if output.is_json() || !io::stdout().is_terminal() {
        let text = "`lcr top` is for a terminal; `lcr ls --json` and `lcr events --json` are for programs";
        return Err(Failure::usage(text));
    }
    let mut process = Process::find(&arguments.target)?;
    let mut view = View::new(process.name());
    view.status(process.ask("status", &nothing())?);
    let events = if process.knows("events") { Some(follow(&arguments.target)?) } else { None };
    let mut terminal = ratatui::try_init().map_err(|error| Failure::system("the terminal cannot be used", &error))?;
    let ended = run(&mut terminal, &mut view, &mut process, events.as_ref(), arguments.every.max(TICK));
    ratatui::restore();
    ended.map_err(Failure::from).map(|()| Outcome::Done)
}

fn run(
    terminal: &mut ratatui::DefaultTerminal,
    view: &mut View,
    process: &mut Process,
    events: Option<&Receiver<Json>>,
    every: Duration,
) -> io::Result<()> {
    let mut asked = Instant::now();
    loop {
        terminal.draw(|frame| render::render(frame, view))?;
        if event::poll(TICK.min(every))? {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => match keys::press(view, key) {
                    Then::End => return Ok(()),
                    Then::Look => asked = Instant::now() - every,
                    Then::Wait => {}
                },
                _ => {}
            }
        }
        while let Some(event) = events.and_then(|events| events.try_recv().ok()) {
            view.event(&event);
        }
        if view.is_paused() || view.has_ended() || asked.elapsed() < every {
            continue;
        }
        asked = Instant::now();
        match process.ask("status", &nothing()) {
            Ok(status) => view.status(status),
            Err(failure) => view.ended(failure.text()),
        }
    }
}

/// The events of the process, from a thread that ends with the process or with this one.
fn follow(target: &Target) -> Result<Receiver<Json>, Failure> {
    let mut stream = Process::find(target)?.into_client().events()?;
    let (sender, receiver) = mpsc::sync_channel(1_024);
    thread::spawn(move || {
        loop {
            match stream.next::<Json>(Duration::from_secs(1)) {
                Ok(Some(Streamed::Event(event))) => {
                    if sender.send(event).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    Ok(receiver)
}
