//! Pictures of graphs in a terminal: boxes in layers, and lines that lead downwards.
//!
//! The layer of a box comes from the longest way to it. A line that passes a layer gets a place of its own there.
//! Between two layers each line has a row of its own for its horizontal part, so lines cross and never share a piece.
//! For the vertical parts the same follows from their columns: lines leave a layer at even columns, and enter the next
//! one at odd columns.

/// A graph of more boxes or lines is not drawn: nobody could read it.
pub(crate) const LIMIT: usize = 200;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// The character of a cell, by the sum of the directions in which lines leave it.
#[rustfmt::skip]
const BENDS: [char; 16] = [
    ' ', '╵', '╷', '│', '╴', '┘', '┐', '┤',
    '╶', '└', '┌', '├', '─', '┴', '┬', '┼',
];

/// A box, or the place of a line that passes a layer, which has no label.
#[derive(Debug, Default)]
struct Node {
    label: Option<String>,
    rank: usize,
    /// Its first column.
    at: usize,
    width: usize,
    /// The lines that leave and enter it.
    outs: Vec<usize>,
    ins: Vec<usize>,
}

/// A line from a node to one of the next layer, with the columns at which it leaves and enters.
#[derive(Debug)]
struct Line {
    from: usize,
    to: usize,
    leaves: usize,
    enters: usize,
}

/// The rows of a picture of boxes and of lines `(from, to)` between them. Lines of a circle are left out; a graph of
/// dependencies has none.
pub(crate) fn draw(labels: &[String], lines: &[(usize, usize)]) -> Vec<String> {
    let ranks = ranks(labels.len(), lines);
    let boxes = labels.iter().zip(&ranks);
    let mut nodes: Vec<Node> =
        boxes.map(|(label, &rank)| Node { label: Some(label.clone()), rank, ..Node::default() }).collect();
    let mut parts: Vec<Line> = Vec::new();
    for &(from, to) in lines.iter().filter(|(from, to)| ranks[*from] < ranks[*to]) {
        let mut last = from;
        for rank in ranks[from] + 1..ranks[to] {
            nodes.push(Node { rank, ..Node::default() });
            parts.push(Line { from: last, to: nodes.len() - 1, leaves: 0, enters: 0 });
            last = nodes.len() - 1;
        }
        parts.push(Line { from: last, to, leaves: 0, enters: 0 });
    }
    for (number, line) in parts.iter().enumerate() {
        nodes[line.from].outs.push(number);
        nodes[line.to].ins.push(number);
    }
    let layers = arrange(&mut nodes, &parts);
    choose_columns(&mut nodes, &mut parts, &layers);
    Picture::default().paint(&nodes, &parts, &layers)
}

/// The layer of each box: the length of the longest way to it.
fn ranks(count: usize, lines: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; count];
    let mut open_ins = vec![0_usize; count];
    lines.iter().for_each(|&(_, to)| open_ins[to] += 1);
    let mut ready: Vec<usize> = (0..count).filter(|&at| open_ins[at] == 0).collect();
    while let Some(at) = ready.pop() {
        for &(_, to) in lines.iter().filter(|(from, _)| *from == at) {
            ranks[to] = ranks[to].max(ranks[at] + 1);
            open_ins[to] -= 1;
            if open_ins[to] == 0 {
                ready.push(to);
            }
        }
    }
    ranks
}

/// The nodes of each layer, from left to right: each below those that lead to it, as far as that goes.
fn arrange(nodes: &mut [Node], lines: &[Line]) -> Vec<Vec<usize>> {
    let depth = nodes.iter().map(|node| node.rank + 1).max().unwrap_or_default();
    let mut layers: Vec<Vec<usize>> =
        (0..depth).map(|rank| (0..nodes.len()).filter(|&at| nodes[at].rank == rank).collect()).collect();
    for layer in &mut layers {
        let middle = |at: &usize| {
            let ins = &nodes[*at].ins;
            let sum: usize =
                ins.iter().map(|&line| nodes[lines[line].from].at + nodes[lines[line].from].width / 2).sum();
            if ins.is_empty() { usize::MAX } else { sum / ins.len() }
        };
        layer.sort_by_key(middle);
        let mut column = 0;
        for &mut at in layer {
            let node = &mut nodes[at];
            node.width = match &node.label {
                // Room for the label, and for two columns of each line.
                Some(label) => (label.chars().count() + 4).max(2 * node.outs.len().max(node.ins.len()) + 3),
                None => 2,
            };
            node.at = column;
            column += node.width + 2;
        }
    }
    layers
}

/// Chooses where lines leave and enter: in the order of where they go to and come from, so that few cross.
fn choose_columns(nodes: &mut [Node], lines: &mut [Line], layers: &[Vec<usize>]) {
    for &at in layers.iter().flatten() {
        let (mut outs, mut ins) = (nodes[at].outs.clone(), nodes[at].ins.clone());
        outs.sort_by_key(|&line| nodes[lines[line].to].at);
        ins.sort_by_key(|&line| nodes[lines[line].from].at);
        let node = &nodes[at];
        let column = |place: usize, count: usize, parity: usize| {
            if node.label.is_none() {
                // A place of two columns: one of each parity.
                return if node.at % 2 == parity { node.at } else { node.at + 1 };
            }
            let inner = node.width - 2;
            let column = node.at + 1 + (2 * place + 1) * inner / (2 * count);
            if column % 2 == parity { column } else { column - 1 }
                .max(node.at + 1 + usize::from((node.at + 1) % 2 != parity))
        };
        for (place, &line) in outs.iter().enumerate() {
            lines[line].leaves = column(place, outs.len(), 0);
        }
        for (place, &line) in ins.iter().enumerate() {
            lines[line].enters = column(place, ins.len(), 1);
        }
    }
    // A line that is alone at both ends may run straight down.
    for line in lines {
        let (from, to) = (&nodes[line.from], &nodes[line.to]);
        let is_inside = line.enters > from.at && line.enters + 1 < from.at + from.width;
        if from.label.is_some() && from.outs.len() == 1 && to.ins.len() == 1 && is_inside {
            line.leaves = line.enters;
        }
    }
}

/// Rows of cells, each a character or the directions in which lines leave it.
#[derive(Debug, Default)]
struct Picture {
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Copy, Debug)]
enum Cell {
    Lines(u8),
    Text(char),
}

impl Picture {
    fn paint(mut self, nodes: &[Node], lines: &[Line], layers: &[Vec<usize>]) -> Vec<String> {
        let mut top = 0;
        for layer in layers {
            layer.iter().for_each(|&at| self.node(&nodes[at], lines, top));
            let mut below: Vec<&Line> =
                layer.iter().flat_map(|&at| &nodes[at].outs).map(|&line| &lines[line]).collect();
            // Those that go far to the right come last, so that they cross fewer.
            below.sort_by_key(|line| (line.enters > line.leaves, line.enters));
            let bent = below.iter().filter(|line| line.leaves != line.enters).count();
            let (first, end) = (top + 3, top + 3 + bent + 1);
            let mut row = first;
            for line in &below {
                if line.leaves == line.enters {
                    (first..end).for_each(|row| self.line(line.leaves, row, UP | DOWN));
                } else {
                    self.bend(line, first, row, end);
                    row += 1;
                }
                if nodes[line.to].label.is_some() {
                    self.set(line.enters, end - 1, Cell::Text('▼'));
                }
            }
            top = if below.is_empty() { top + 3 } else { end };
        }
        self.rows
            .iter()
            .map(|row| row.iter().map(|cell| cell.character()).collect::<String>().trim_end().to_owned())
            .collect()
    }

    /// A box, or a line that passes, in three rows.
    fn node(&mut self, node: &Node, lines: &[Line], top: usize) {
        let Some(label) = &node.label else {
            if let (Some(&inside), Some(&outside)) = (node.ins.first(), node.outs.first()) {
                let through = Line { from: 0, to: 0, leaves: lines[inside].enters, enters: lines[outside].leaves };
                self.bend(&through, top, top + 1, top + 3);
            }
            return;
        };
        let last = node.at + node.width - 1;
        for column in node.at + 1..last {
            self.line(column, top, LEFT | RIGHT);
            self.line(column, top + 2, LEFT | RIGHT);
        }
        self.line(node.at, top, DOWN | RIGHT);
        self.line(last, top, DOWN | LEFT);
        self.line(node.at, top + 1, UP | DOWN);
        self.line(last, top + 1, UP | DOWN);
        self.line(node.at, top + 2, UP | RIGHT);
        self.line(last, top + 2, UP | LEFT);
        for &line in &node.outs {
            self.line(lines[line].leaves, top + 2, DOWN);
        }
        let room = node.width - 2;
        let begin = node.at + 1 + (room - label.chars().count()) / 2;
        for (at, character) in label.chars().enumerate() {
            self.set(begin + at, top + 1, Cell::Text(character));
        }
    }

    /// A line down from `first`, across in `row`, and down to before `end`.
    fn bend(&mut self, line: &Line, first: usize, row: usize, end: usize) {
        let (leaves, enters) = (line.leaves, line.enters);
        (first..row).for_each(|row| self.line(leaves, row, UP | DOWN));
        let (out, back) = if enters > leaves { (RIGHT, LEFT) } else { (LEFT, RIGHT) };
        self.line(leaves, row, UP | out);
        (leaves.min(enters) + 1..leaves.max(enters)).for_each(|column| self.line(column, row, LEFT | RIGHT));
        self.line(enters, row, DOWN | back);
        (row + 1..end).for_each(|row| self.line(enters, row, UP | DOWN));
    }

    fn line(&mut self, column: usize, row: usize, directions: u8) {
        match self.cell(column, row) {
            Cell::Lines(before) => *before |= directions,
            Cell::Text(_) => {}
        }
    }

    fn set(&mut self, column: usize, row: usize, cell: Cell) {
        *self.cell(column, row) = cell;
    }

    fn cell(&mut self, column: usize, row: usize) -> &mut Cell {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, Vec::new());
        }
        let cells = &mut self.rows[row];
        if cells.len() <= column {
            cells.resize(column + 1, Cell::Lines(0));
        }
        &mut cells[column]
    }
}

impl Cell {
    fn character(self) -> char {
        match self {
            Cell::Text(character) => character,
            Cell::Lines(directions) => BENDS[usize::from(directions & 15)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(labels: &[&str], lines: &[(usize, usize)]) -> String {
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        draw(&labels, lines).join("\n")
    }

    #[test]
    fn a_chain_is_drawn_straight_down() {
        let expected = "\
┌───────┐
│ clerk │
└──┬────┘
   ▼
┌──────┐
│ till │
└──────┘";
        assert_eq!(drawn(&["clerk", "till"], &[(0, 1)]), expected);
    }

    #[test]
    fn every_line_leaves_and_enters_at_a_column_of_its_own() {
        let text = drawn(&["a", "b", "c", "d"], &[(0, 1), (0, 2), (1, 3), (2, 3), (0, 3)]);
        assert_eq!(text.matches('▼').count(), 5, "{text}");
        for label in [" a ", " b ", " c ", " d "] {
            assert!(text.contains(label), "{text}");
        }
    }

    #[test]
    fn circles_and_graphs_of_nothing_are_drawn_too() {
        assert_eq!(drawn(&[], &[]), "");
        assert!(drawn(&["a", "b"], &[(0, 1), (1, 0)]).contains("│ a │  │ b │"));
    }

    #[test]
    fn random_graphs_have_an_arrow_for_each_line() {
        let mut seed = 7_u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize % below
        };
        for _ in 0..200 {
            let count = 2 + next(8);
            let labels: Vec<String> = (0..count).map(|at| format!("n{at}")).collect();
            let mut lines: Vec<(usize, usize)> =
                (0..next(2 * count)).map(|_| (next(count), next(count))).filter(|(from, to)| from < to).collect();
            lines.sort_unstable();
            lines.dedup();
            let text = draw(&labels, &lines).join("\n");
            assert_eq!(text.matches('▼').count(), lines.len(), "{lines:?}\n{text}");
        }
    }
}
