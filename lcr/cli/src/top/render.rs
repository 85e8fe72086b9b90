//! Draws a view: a function of the view and the size of the terminal, and of nothing else.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, List, ListItem, Paragraph, Row, Table, TableState},
};

use crate::output::{self, bytes, counted};

use super::{
    keys::KEYS,
    view::{self, Order, View},
};

/// Draws everything.
pub(super) fn render(frame: &mut Frame<'_>, view: &View) {
    let inside = view.inside();
    let rows = u16::try_from(view.rows().len()).unwrap_or(u16::MAX);
    let straggling = u16::try_from(inside.len()).unwrap_or(u16::MAX).min(5);
    let [head, components, straggler_area, changes, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Max(rows.saturating_add(2)),
        Constraint::Length(if straggling == 0 { 0 } else { straggling + 1 }),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(heading(view), head);
    table(frame, view, components);
    if straggling > 0 {
        let items = inside.iter().map(|line| ListItem::new(format!("  {line}")));
        let list = List::new(items).block(Block::new().title("inside replaced instances"));
        frame.render_widget(list.style(Style::new().fg(Color::Yellow)), straggler_area);
    }
    let items = view.events().map(|(style, line)| ListItem::new(Span::styled(format!("  {line}"), colored(*style))));
    let title = Span::styled("last changes", Style::new().add_modifier(Modifier::BOLD));
    frame.render_widget(List::new(items).block(Block::new().title(title)), changes);
    frame.render_widget(footer(view), foot);
    if view.shows_help {
        help(frame);
    }
}

fn heading(view: &View) -> Paragraph<'_> {
    let strong = Style::new().add_modifier(Modifier::BOLD);
    let mut first = vec![
        Span::styled(view.process.as_str(), strong),
        Span::raw(format!("  generation {}", view.number("generation"))),
    ];
    if view.is_gate_shut() {
        first.push(Span::styled("  callers are held", Style::new().fg(Color::Yellow)));
    }
    if let Some(left) = view.countdown() {
        let style = Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD);
        first.push(Span::styled(format!("  TRIAL: {left}"), style));
    }
    if let Some(why) = view.end() {
        first.push(Span::styled(format!("  ended: {why}"), Style::new().fg(Color::Red)));
    } else if view.is_paused() {
        first.push(Span::styled("  paused", Style::new().fg(Color::Yellow)));
    }
    let second = format!(
        "{}, {}, {}, {} retiring, {} retained ({})",
        counted(view.number("instances"), "instance"),
        counted(view.number("handles"), "handle"),
        counted(view.number("pins"), "pin"),
        view.number("retiring"),
        counted(view.number("retained_images"), "image"),
        bytes(view.number("retained_image_bytes")),
    );
    Paragraph::new(vec![Line::from(first), Line::from(second)])
}

fn table(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let headings = ["COMPONENT", "VERSION", "INTERFACE", "INSTANCES", "INSIDE", "CALLS", "FAULTS", "HASH", "IS"];
    let sorted = match view.order {
        Order::Name => "COMPONENT",
        Order::Faults => "FAULTS",
        Order::Instances => "INSTANCES",
    };
    let heading = headings.map(|heading| {
        let style = if heading == sorted { Modifier::UNDERLINED } else { Modifier::empty() };
        Cell::new(Span::styled(heading, Style::new().add_modifier(style)))
    });
    let rows = view.rows().iter().map(component);
    let longest = |of: fn(&view::Row) -> &str, least: usize| {
        let longest = view.rows().iter().map(|row| of(row).chars().count()).max().unwrap_or_default();
        Constraint::Length(u16::try_from(longest.max(least)).unwrap_or(u16::MAX))
    };
    let widths = [
        longest(|row| &row.name, 9),
        longest(|row| &row.version, 7),
        longest(|row| &row.interface, 9),
        Constraint::Length(9),
        Constraint::Length(6),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(12),
        Constraint::Min(9),
    ];
    let table = Table::new(rows, widths)
        .header(Row::new(heading).style(Style::new().add_modifier(Modifier::DIM)).top_margin(1))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .column_spacing(2);
    let mut state = TableState::new().with_selected((!view.rows().is_empty()).then_some(view.selected));
    frame.render_stateful_widget(table, area, &mut state);
}

fn component(row: &view::Row) -> Row<'_> {
    let is = [(row.on_trial, "on trial"), (row.is_new, "new"), (row.protected, "protected")];
    let is: Vec<&str> = is.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    let style = match () {
        () if row.faults > 0 => Style::new().fg(Color::Red),
        () if row.on_trial => Style::new().fg(Color::Yellow),
        () if row.is_new => Style::new().fg(Color::Green),
        () => Style::new(),
    };
    Row::new([
        row.name.clone(),
        row.version.clone(),
        row.interface.clone(),
        row.instances.to_string(),
        row.inside.to_string(),
        row.calls.map(|calls| calls.to_string()).unwrap_or_default(),
        row.faults.to_string(),
        row.hash.clone(),
        is.join(", "),
    ])
    .style(style)
}

fn footer(view: &View) -> Paragraph<'_> {
    let text = if view.has_ended() { "q end" } else { "q end  s sort  p pause  r look now  ? keys" };
    Paragraph::new(text).style(Style::new().add_modifier(Modifier::DIM))
}

fn help(frame: &mut Frame<'_>) {
    let lines: Vec<Line<'_>> =
        KEYS.iter().map(|(keys, meaning)| Line::from(format!(" {keys:<16}{meaning} "))).collect();
    let area = frame.area().centered(Constraint::Length(54), Constraint::Length(8));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), area);
}

fn colored(style: output::Style) -> Style {
    match style {
        output::Style::Plain => Style::new(),
        output::Style::Strong => Style::new().add_modifier(Modifier::BOLD),
        output::Style::Faint => Style::new().add_modifier(Modifier::DIM),
        output::Style::Good => Style::new().fg(Color::Green),
        output::Style::Warning => Style::new().fg(Color::Yellow),
        output::Style::Bad => Style::new().fg(Color::Red),
    }
}

#[cfg(test)]
mod tests;
