//! Tables in columns, for people.

use crate::output::{Output, Style};

/// Rows of cells under headings. The width of a column is that of its widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Table {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, a cell for each heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table, with a line end behind each row. Columns without any text are left out.
    pub(crate) fn text(&self, output: &Output) -> String {
        let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
        let width = |text: &str| text.chars().count();
        let columns: Vec<(usize, usize)> = (0..self.headings.len())
            .filter_map(|column| {
                let widest = self.rows.iter().map(|row| width(&cell(row, column))).max().unwrap_or_default();
                (widest > 0).then(|| (column, widest.max(self.headings[column].len())))
            })
            .collect();
        let line = |cells: &dyn Fn(usize) -> String| {
            let mut line = String::new();
            for &(column, wide) in &columns {
                let text = cells(column);
                line.push_str(&text);
                line.push_str(&" ".repeat(wide.saturating_sub(width(&text)) + 2));
            }
            line.trim_end().to_owned()
        };
        let head = line(&|column| self.headings[column].to_owned());
        let mut text = format!("{}\n", output.paint(Style::Faint, head));
        for row in &self.rows {
            text += &format!("{}\n", line(&|column| cell(row, column)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Color;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() {
        let mut table = Table::new(&["A", "EMPTY", "LAST"]);
        table.row(["long cell".to_owned(), String::new(), "ä".to_owned()]);
        table.row(["b".to_owned(), String::new(), "c".to_owned()]);
        let text = table.text(&Output::new(false, Color::Never));
        assert_eq!(text, "A          LAST\nlong cell  ä\nb          c\n");
    }
}
