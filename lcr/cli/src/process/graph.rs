//! `graph`: which component needs which, as a list, for Graphviz, or as a picture.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::{
    arguments::Graph,
    exit::{Failure, Outcome},
    output::{Output, Style},
};

use super::{
    Process,
    drawing::{LIMIT, draw},
    list, nothing, number, text,
};

/// Prints the graph.
pub(crate) fn graph(arguments: &Graph, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(&arguments.target)?;
    let answer = process.ask("graph", &nothing())?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let needs = Needs::of(&answer);
    let shown = match (arguments.dot, arguments.picture) {
        (true, _) => needs.dot(),
        (_, true) if needs.labels.len() <= LIMIT && needs.lines.len() <= LIMIT => needs.picture(),
        (_, true) => {
            output.note(format_args!("more than {LIMIT} components or needs; this is the list"));
            needs.tree(output)
        }
        _ => needs.tree(output),
    };
    output.text(&shown)?;
    Ok(Outcome::Done)
}

/// Components, and who needs what of whom.
struct Needs {
    names: Vec<String>,
    /// The names with versions.
    labels: Vec<String>,
    /// From a component to one that serves a need of it, with the interface.
    lines: Vec<(usize, usize, String)>,
}

impl Needs {
    fn of(answer: &Json) -> Needs {
        let components = list(answer, "components");
        let names: Vec<String> = components.iter().map(|each| text(each, "name").to_owned()).collect();
        let labels = components.iter().map(super::component).collect();
        let place = |name: &str| names.iter().position(|known| known == name);
        let line = |edge: &Json| {
            let (from, to) = (place(text(edge, "from"))?, place(text(edge, "to"))?);
            let version = number(edge, "version");
            let interface = text(edge, "interface");
            let interface = if version > 0 { format!("{interface} v{version}") } else { interface.to_owned() };
            Some((from, to, interface))
        };
        let mut lines: Vec<_> = list(answer, "edges").iter().filter_map(line).collect();
        lines.sort();
        lines.dedup();
        Needs { names, labels, lines }
    }

    /// Each component with what it needs, and what that needs in turn where it was not shown yet.
    fn tree(&self, output: &Output) -> String {
        let needed: BTreeSet<usize> = self.lines.iter().map(|(_, to, _)| *to).collect();
        let roots = (0..self.names.len()).filter(|at| !needed.contains(at));
        let mut shown = BTreeSet::new();
        let mut text = String::new();
        for root in roots.chain(0..self.names.len()) {
            if shown.insert(root) {
                text += &format!("{}\n", output.paint(Style::Strong, &self.labels[root]));
                self.branches(root, "", &mut shown, &mut text);
            }
        }
        text
    }

    /// The needs of a component. A component is spelled out once, so this ends.
    fn branches(&self, at: usize, indent: &str, shown: &mut BTreeSet<usize>, text: &mut String) {
        let needs: Vec<_> = self.lines.iter().filter(|(from, ..)| *from == at).collect();
        for (place, (_, to, interface)) in needs.iter().enumerate() {
            let is_last = place + 1 == needs.len();
            let is_new = shown.insert(*to);
            let again = if is_new || self.lines.iter().all(|(from, ..)| from != to) { "" } else { ", as above" };
            let branch = if is_last { "└─" } else { "├─" };
            *text += &format!("{indent}{branch} {interface}: {}{again}\n", self.labels[*to]);
            if is_new {
                let further = format!("{indent}{}", if is_last { "   " } else { "│  " });
                self.branches(*to, &further, shown, text);
            }
        }
    }

    fn dot(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let mut text = "digraph components {\n    node [shape=box];\n".to_owned();
        for (name, label) in self.names.iter().zip(&self.labels) {
            text += &format!("    {} [label={}];\n", quoted(name), quoted(label));
        }
        for (from, to, interface) in &self.lines {
            let (from, to) = (&self.names[*from], &self.names[*to]);
            text += &format!("    {} -> {} [label={}];\n", quoted(from), quoted(to), quoted(interface));
        }
        text + "}\n"
    }

    fn picture(&self) -> String {
        let mut lines: Vec<(usize, usize)> = self.lines.iter().map(|(from, to, _)| (*from, *to)).collect();
        lines.dedup();
        draw(&self.labels, &lines).into_iter().map(|row| row + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Color;

    fn needs() -> Needs {
        let component = |name: &str| json!({ "name": name, "version": "1.0.0" });
        let edge =
            |from: &str, to: &str| json!({ "from": from, "to": to, "interface": format!("i.{to}"), "version": 1 });
        Needs::of(&json!({
            "components": [component("a"), component("b"), component("c"), component("d")],
            "edges": [edge("a", "b"), edge("a", "c"), edge("b", "d"), edge("c", "d")],
        }))
    }

    #[test]
    fn the_list_spells_a_component_out_once() {
        let text = needs().tree(&Output::new(false, Color::Never));
        let expected = "\
a 1.0.0
├─ i.b v1: b 1.0.0
│  └─ i.d v1: d 1.0.0
└─ i.c v1: c 1.0.0
   └─ i.d v1: d 1.0.0
";
        assert_eq!(text, expected);
    }

    #[test]
    fn graphviz_gets_quoted_names() {
        let text = needs().dot();
        assert!(text.contains("    \"a\" -> \"b\" [label=\"i.b v1\"];\n"), "{text}");
    }
}
