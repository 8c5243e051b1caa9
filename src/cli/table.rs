//! Tables in the forms in which commands print them: for people, as CSV, as Markdown.

use clap::ValueEnum;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::output;
use super::render::visible;

/// Blanks between two columns.
const GAP: usize = 2;
/// No column is made narrower.
const COLUMN_MIN: usize = 6;
/// Words up to this width, such as moments, stay whole.
const WORD_MAX: usize = 20;

/// Lines of a cell end behind these.
const BREAKS: [char; 3] = [' ', ',', '/'];

/// How to print a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TableFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// Comma-separated values, safe to open in a spreadsheet
    Csv,
    /// A table for a comment or a page
    Markdown,
}

/// What stands in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// A word or a sentence of ours.
    Plain(String),
    /// What stands in the configuration: a name, a pattern, a place.
    Code(String),
    /// Several of those.
    Codes(Vec<String>),
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    head: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// The text, without anything that could steer a terminal.
    fn text(&self) -> String {
        match self {
            Self::Plain(text) | Self::Code(text) => visible(text),
            Self::Codes(texts) => texts.iter().map(|text| visible(text)).collect::<Vec<_>>().join(", "),
        }
    }

    fn markdown(&self) -> String {
        match self {
            Self::Plain(text) => escaped(text),
            Self::Code(text) => code(text),
            Self::Codes(texts) => texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", "),
        }
    }
}

impl Table {
    /// A table without rows.
    pub(super) fn new(head: &'static [&'static str]) -> Self {
        Self { head, rows: Vec::new() }
    }

    /// Adds a row: one cell for each word of the head.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.head.len());
        self.rows.push(row);
    }

    /// Columns side by side; `-` stands for an empty cell. On a terminal the table is no wider than that: columns in
    /// which nothing stands are left out, and cells that are too long go on in the next line.
    pub(super) fn human(&self) -> String {
        self.human_within(output::width())
    }

    fn human_within(&self, available: Option<usize>) -> String {
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(Cell::text).collect()).collect();
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width());
            cells.chain(self.head.get(at).map(|word| word.width())).max().unwrap_or(0)
        };
        let mut columns: Vec<usize> = (0..self.head.len()).collect();
        let too_wide =
            |columns: &[usize]| available.filter(|available| whole(columns.iter().copied().map(width)) > *available);
        if too_wide(&columns).is_some() {
            columns.retain(|at| rows.iter().any(|row| row.get(*at).is_some_and(|cell| !cell.is_empty())));
        }
        let mut widths: Vec<usize> = columns.iter().copied().map(width).collect();
        if let Some(available) = too_wide(&columns) {
            let least = |at: &usize| {
                let cells = rows.iter().filter_map(|row| row.get(*at)).map(String::as_str);
                cells.chain(self.head.get(*at).copied()).map(least_width).max().unwrap_or(0)
            };
            let least: Vec<usize> = columns.iter().map(least).collect();
            if whole(least.iter().copied()) > available {
                return self.upright(&rows, available);
            }
            narrow(&mut widths, &least, available.saturating_sub(GAP * columns.len().saturating_sub(1)));
        }
        let shown = |cell: &String| if cell.is_empty() { "-".to_owned() } else { cell.clone() };
        let picked = |row: &[String]| columns.iter().filter_map(|at| row.get(*at)).map(shown).collect::<Vec<_>>();
        let head: Vec<String> = self.head.iter().map(|word| (*word).to_owned()).collect();
        let (head, rows) = (picked(&head), rows.iter().map(|row| picked(row)).collect::<Vec<_>>());
        let mut text = String::new();
        for row in [&head].into_iter().chain(&rows) {
            let cells: Vec<Vec<String>> = row.iter().zip(&widths).map(|(cell, width)| wrapped(cell, *width)).collect();
            for at in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for (cell, width) in cells.iter().zip(&widths) {
                    let part = cell.get(at).map(String::as_str).unwrap_or_default();
                    line.push_str(part);
                    line.push_str(&" ".repeat(width.saturating_sub(part.width()) + GAP));
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        text
    }

    /// A line for each cell, where columns side by side do not fit.
    fn upright(&self, rows: &[Vec<String>], available: usize) -> String {
        let mut texts = Vec::new();
        for row in rows {
            let mut text = String::new();
            for (head, cell) in self.head.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let lines = wrapped(&format!("{head}: {cell}"), available.saturating_sub(GAP).max(COLUMN_MIN));
                text.push_str(&lines.join(&format!("\n{}", " ".repeat(GAP))));
                text.push('\n');
            }
            texts.push(text);
        }
        texts.join("\n")
    }

    /// RFC 4180. A cell that a spreadsheet would take for a formula begins with `'`.
    pub(super) fn csv(&self) -> String {
        let mut text = self.head.join(",");
        text.push('\n');
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| csv_cell(&cell.text())).collect();
            text.push_str(&cells.join(","));
            text.push('\n');
        }
        text
    }

    /// A table of GitHub's Markdown, in which no name is markup, a link or a mention.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|{}\n", self.head.join(" | "), " --- |".repeat(self.head.len()));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::markdown).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}

/// The width of a line of such columns.
fn whole(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

/// The width that a cell must have at least.
fn least_width(cell: &str) -> usize {
    let words = cell.split_inclusive(BREAKS).map(|word| word.trim_end().width());
    words.map(|width| if width > WORD_MAX { COLUMN_MIN } else { width }).max().unwrap_or(0).max(1)
}

/// Takes from the widest columns until all fit, as far as they can be narrowed; from the first one, by which people
/// name a row, only where the others are not enough.
fn narrow(widths: &mut [usize], least: &[usize], available: usize) {
    let mut too_much = widths.iter().sum::<usize>().saturating_sub(available);
    while too_much > 0 {
        let others = widths.iter_mut().zip(least).skip(1).filter(|(width, least)| **width > **least);
        let Some((widest, _)) = others.max() else { break };
        *widest -= 1;
        too_much -= 1;
    }
    if let (Some(first), Some(least)) = (widths.first_mut(), least.first()) {
        *first = first.saturating_sub(too_much).max(*least);
    }
}

/// The lines of a cell, broken behind a blank or a comma where there is one, and anywhere else where there is none.
fn wrapped(cell: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in cell.split_inclusive(BREAKS) {
        if !line.is_empty() && line.width() + word.trim_end().width() > width {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            if c != ' ' && !line.is_empty() && line.width() + c.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r', ';', '\t', ' ']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A text in which no character is markup.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            // Neither a mention nor an address.
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '>' | '!' => safe.extend(['\\', c]),
            _ => safe.push(c),
        }
    }
    safe
}

/// A code span, also in a cell of a table; nothing for an empty text.
pub(super) fn code(text: &str) -> String {
    let text = visible(text).replace('|', "\\|");
    if text.is_empty() {
        return text;
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("`{text}`"),
        _ => format!("{fence} {text} {fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(cells: &[&str]) -> Table {
        let mut table = Table::new(&["one", "two"]);
        for cell in cells {
            table.push(vec![Cell::Code((*cell).to_owned()), Cell::Plain((*cell).to_owned())]);
        }
        table
    }

    #[test]
    fn columns_stand_below_one_another() {
        let text = table(&["a", "", "long\u{1b}"]).human();
        assert_eq!(text, "one         two\na           a\n-           -\nlong\\u{1b}  long\\u{1b}\n");
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let table = table(&["repository:a-very-long/name:pull and more", "写写写写写写写写写写写写", "x"]);
        for available in [24, 30, 40, 60, 200] {
            let text = table.human_within(Some(available));
            assert!(text.lines().all(|line| line.width() <= available), "{text}");
            let whole: String = text.chars().filter(|c| *c == '写').collect();
            assert_eq!(whole.chars().count(), 24, "nothing is cut off: {text}");
        }
        assert_eq!(table.human_within(Some(200)), table.human_within(None));
        // Less than the columns need is not to be had.
        assert!(table.human_within(Some(5)).lines().all(|line| line.width() <= 2 * COLUMN_MIN + GAP));
        let second = table.human_within(None).lines().nth(2).unwrap().to_owned();
        assert_eq!(second.width(), 41 + GAP + 24, "a wide character takes two places: {second}");
        let mut sparse = Table::new(&["one", "nothing", "two"]);
        sparse.push(["abcdef", "", "ghijkl"].map(|text| Cell::Plain(text.to_owned())).to_vec());
        assert_eq!(sparse.human_within(Some(23)), "one     nothing  two\nabcdef  -        ghijkl\n");
        assert_eq!(sparse.human_within(Some(22)), "one     two\nabcdef  ghijkl\n");
        let mut moments = Table::new(&["user", "expires", "description"]);
        moments.push(
            ["jane", "2027-01-02T00:00:00Z", "pushes what is built"].map(|text| Cell::Plain(text.to_owned())).to_vec(),
        );
        for available in [24, 30, 40, 44, 60] {
            let text = moments.human_within(Some(available));
            assert!(text.contains("2027-01-02T00:00:00Z"), "moments stay whole: {text}");
            assert!(text.lines().all(|line| line.width() <= available), "{text}");
        }
        assert_eq!(wrapped("a, bcd, efgh", 6), ["a,", "bcd,", "efgh"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
    }

    #[test]
    fn a_spreadsheet_runs_nothing() {
        let text = table(&["=1+1", "@a", "-x", "+x", "'x", "a,b", "a\"b", "a b", "v*"]).csv();
        let first: Vec<&str> = text.lines().skip(1).collect();
        let expected =
            ["'=1+1", "'@a", "'-x", "'+x", "''x", "\"a,b\"", "\"a\"\"b\"", "\"a b\"", "v*"].map(|c| format!("{c},{c}"));
        assert_eq!(first, expected);
    }

    #[test]
    fn names_are_no_markup() {
        let text = table(&["a|b", "`x`", "@jane <b>", "**", "a\nb"]).markdown();
        let rows: Vec<&str> = text.lines().skip(2).collect();
        let expected = [
            "| `a\\|b` | a\\|b |",
            "| `` `x` `` | \\`x\\` |",
            "| `@jane <b>` | &#64;jane &lt;b\\> |",
            "| `**` | \\*\\* |",
            "| `a\\u{a}b` | a\\\\u{a}b |",
        ];
        assert_eq!(rows, expected);
        assert!(text.starts_with("| one | two |\n| --- | --- |\n"));
    }
}
