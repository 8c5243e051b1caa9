//! From bytes to lines and columns.

/// The line and the column of a byte, both from 1; the column counts characters. A byte beyond the end
/// counts as the end, one inside of a character as its beginning, and a byte order mark as nothing.
pub fn line_column(text: &str, byte: usize) -> (usize, usize) {
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let head = text.get(..byte).unwrap_or_default();
    let line = head.bytes().filter(|b| *b == b'\n').count() + 1;
    let start = head.rfind('\n').map_or(0, |at| at + 1);
    let column = head.get(start..).unwrap_or_default().trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_from_one() {
        let text = "\u{feff}é: x\r\n  b: 1\n";
        assert_eq!(line_column(text, 3), (1, 1));
        assert_eq!(line_column(text, 5), (1, 2));
        assert_eq!(line_column(text, 12), (2, 3));
        assert_eq!(line_column(text, 4), (1, 1));
        assert_eq!(line_column(text, 999), (3, 1));
        assert_eq!(line_column("", 0), (1, 1));
    }
}
