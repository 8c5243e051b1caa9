//! A quick reader for the YAML that most files are: block mappings and lists, flow collections on one line,
//! words and simple quotes, all in ASCII. It gives just the tree that [`super::read()`] gives, or nothing where
//! a text has anything else, or anything wrong: then the library reads it. The tests compare both.

use super::{Node, Scalar, ScalarType, Value, scalar};
use crate::diagnostic::Span;

/// Deeper nesting is left to the library.
const DEPTH_MAX: usize = 24;
/// Longer keys are left to the library, which has a bound of its own for them.
const KEY_MAX_BYTES: usize = 256;

/// The bytes at which a word may end; all others belong to it wherever they stand.
const MAY_END: [bool; 256] = {
    let mut may_end = [false; 256];
    let mut at = 0;
    while at < MAY_END_BYTES.len() {
        may_end[MAY_END_BYTES[at] as usize] = true;
        at += 1;
    }
    may_end
};
const MAY_END_BYTES: &[u8] = b"\n: ,[]{}";

/// Reads a text that is as plain as described above.
pub(super) fn read(text: &str) -> Option<Node<'_>> {
    let bytes = text.as_bytes();
    // Without an early end, several bytes are looked at in one step.
    let is_other = |byte: &u8| !matches!(byte, b'\n' | b' '..=b'~');
    if bytes.iter().fold(false, |found, byte| found | is_other(byte)) {
        return None;
    }
    let (pairs, items) = (Vec::new(), Vec::new());
    let mut reader = Reader { text, bytes, at: 0, line: 1, column: 0, is_end: false, pairs, items };
    reader.find_content()?;
    if reader.is_end || reader.column != 0 {
        return None;
    }
    let root = reader.mapping(0)?;
    reader.is_end.then_some(root)
}

struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The first byte of what is to be read next.
    at: usize,
    line: u32,
    /// How far `at` is from the beginning of its line.
    column: usize,
    is_end: bool,
    /// What was read of the mappings that are not complete yet, each after those around it; and the same of lists.
    /// A collection then has just the memory that it needs.
    pairs: Vec<(Node<'t>, Node<'t>)>,
    items: Vec<Node<'t>>,
}

impl<'t> Reader<'t> {
    fn byte(&self, at: usize) -> u8 {
        // Behind the end it is as if a line ended.
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    /// From the beginning of a line to the first one that is neither blank nor a comment.
    fn find_content(&mut self) -> Option<()> {
        loop {
            let start = self.at;
            while self.byte(self.at) == b' ' {
                self.at += 1;
            }
            self.column = self.at - start;
            match self.bytes.get(self.at) {
                None => {
                    self.is_end = true;
                    return Some(());
                }
                Some(b'\n') => {}
                Some(b'#') => self.skip_line(),
                // Documents and directives are marked so.
                Some(b'-' | b'.' | b'%') if self.column == 0 && self.byte(self.at + 1) != b' ' => return None,
                Some(_) => return Some(()),
            }
            self.at += 1;
            self.line += 1;
        }
    }

    fn skip_line(&mut self) {
        while self.byte(self.at) != b'\n' {
            self.at += 1;
        }
    }

    /// To the next content, behind a value: nothing but a comment may follow on its line.
    fn end_line(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        match self.byte(self.at) {
            b'\n' => {}
            b'#' if self.at > start => self.skip_line(),
            _ => return None,
        }
        if self.at >= self.bytes.len() {
            self.is_end = true;
            return Some(());
        }
        self.at += 1;
        self.line += 1;
        self.find_content()
    }

    fn is_item(&self) -> bool {
        !self.is_end && self.byte(self.at) == b'-' && matches!(self.byte(self.at + 1), b' ' | b'\n')
    }

    /// A block mapping or list that begins here.
    fn block(&mut self, depth: usize) -> Option<Node<'t>> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.is_item() { self.sequence(depth) } else { self.mapping(depth) }
    }

    fn mapping(&mut self, depth: usize) -> Option<Node<'t>> {
        let (column, line, start) = (self.column, self.line, self.at);
        let first = self.pairs.len();
        let mut end;
        loop {
            let key = self.scalar(false)?;
            if self.byte(self.at) != b':' || key.span.end - key.span.start > KEY_MAX_BYTES {
                return None;
            }
            self.at += 1;
            let value = match self.byte(self.at) {
                b' ' | b'\n' => self.value(&key, column, depth)?,
                _ => return None,
            };
            end = value.span.end.max(key.span.end);
            self.pairs.push((key, value));
            if self.is_end || self.column < column {
                break;
            }
            if self.column > column || self.is_item() {
                return None;
            }
        }
        let pairs = self.pairs_from(first)?;
        Some(Node { span: Span { start, end }, line, value: Value::Mapping(pairs) })
    }

    /// Takes the pairs of a mapping that is complete, unless a key stands twice.
    fn pairs_from(&mut self, first: usize) -> Option<Vec<(Node<'t>, Node<'t>)>> {
        let pairs: Vec<_> = self.pairs.drain(first..).collect();
        (!has_duplicates(&pairs)).then_some(pairs)
    }

    /// The value of a key of a block mapping in a column, up to what follows it.
    fn value(&mut self, key: &Node<'t>, column: usize, depth: usize) -> Option<Node<'t>> {
        let behind = self.at;
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
        if !matches!(self.byte(self.at), b'\n' | b'#') {
            return self.inline(column, depth);
        }
        self.at = behind;
        self.end_line()?;
        if !self.is_end && self.column > column {
            return self.block(depth + 1);
        }
        if self.is_item() && self.column == column {
            let mut list = self.sequence(depth + 1)?;
            // The library's place of a list that is not indented begins behind the first dash.
            list.span.start = list.items().and_then(<[_]>::first)?.span.start;
            return Some(list);
        }
        let place = Span { start: key.span.end, end: key.span.end };
        // As the library writes it.
        let nothing = Scalar { text: "~".into(), plain: true, kind: ScalarType::Null };
        Some(Node { span: place, line: key.line, value: Value::Scalar(nothing) })
    }

    /// A value on the line of its key or dash, which stands in a column, up to what follows it.
    fn inline(&mut self, column: usize, depth: usize) -> Option<Node<'t>> {
        let node = match self.byte(self.at) {
            b'[' | b'{' => self.flow(depth + 1)?,
            _ => self.scalar(false)?,
        };
        self.end_line()?;
        // What is indented further would go on with this value.
        (self.is_end || self.column <= column).then_some(node)
    }

    fn sequence(&mut self, depth: usize) -> Option<Node<'t>> {
        let (column, line, start) = (self.column, self.line, self.at);
        let first = self.items.len();
        while self.is_item() && self.column == column {
            self.at += 1;
            while self.byte(self.at) == b' ' {
                self.at += 1;
                self.column += 1;
            }
            self.column += 1;
            if matches!(self.byte(self.at), b'\n' | b'#') || self.is_item() {
                return None;
            }
            let item = if self.begins_pair() { self.block(depth + 1)? } else { self.inline(column, depth)? };
            self.items.push(item);
        }
        if !self.is_end && self.column > column {
            return None;
        }
        let items: Vec<_> = self.items.drain(first..).collect();
        let end = items.last()?.span.end;
        Some(Node { span: Span { start, end }, line, value: Value::Sequence(items) })
    }

    /// Whether a key begins here.
    fn begins_pair(&mut self) -> bool {
        let at = self.at;
        let is_key = self.scalar(false).is_some() && self.byte(self.at) == b':';
        self.at = at;
        is_key
    }

    fn flow(&mut self, depth: usize) -> Option<Node<'t>> {
        let (start, line) = (self.at, self.line);
        if depth > DEPTH_MAX {
            return None;
        }
        match self.byte(self.at) {
            b'[' => {
                let first = self.items.len();
                self.flow_entries(b']', |reader| {
                    let item = reader.flow(depth + 1)?;
                    reader.items.push(item);
                    Some(())
                })?;
                let items = self.items.drain(first..).collect();
                Some(Node { span: Span { start, end: self.at }, line, value: Value::Sequence(items) })
            }
            b'{' => {
                let first = self.pairs.len();
                self.flow_entries(b'}', |reader| {
                    let key = reader.scalar(true)?;
                    let is_long = key.span.end - key.span.start > KEY_MAX_BYTES;
                    if is_long || reader.byte(reader.at) != b':' || reader.byte(reader.at + 1) != b' ' {
                        return None;
                    }
                    reader.at += 1;
                    reader.skip_blanks();
                    let value = reader.flow(depth + 1)?;
                    reader.pairs.push((key, value));
                    Some(())
                })?;
                let pairs = self.pairs_from(first)?;
                Some(Node { span: Span { start, end: self.at }, line, value: Value::Mapping(pairs) })
            }
            _ => self.scalar(true),
        }
    }

    /// The entries of a flow collection, up to behind its end.
    fn flow_entries(&mut self, end: u8, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.skip_blanks();
        if self.byte(self.at) == end {
            self.at += 1;
            return Some(());
        }
        loop {
            entry(self)?;
            self.skip_blanks();
            match self.byte(self.at) {
                b',' => self.at += 1,
                byte if byte == end => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
            self.skip_blanks();
        }
    }

    fn skip_blanks(&mut self) {
        while self.byte(self.at) == b' ' {
            self.at += 1;
        }
    }

    /// A word or a quoted text on one line, without the blanks behind it.
    fn scalar(&mut self, in_flow: bool) -> Option<Node<'t>> {
        let (start, line) = (self.at, self.line);
        let first = self.byte(start);
        if matches!(first, b'"' | b'\'') {
            let length =
                self.bytes[start + 1..].iter().position(|byte| *byte == first || matches!(byte, b'\\' | b'\n'))?;
            let inner = start + 1..start + 1 + length;
            // Two single quotes stand for one.
            if self.byte(inner.end) != first || self.byte(inner.end + 1) == b'\'' {
                return None;
            }
            self.at = inner.end + 1;
            let text = Scalar { text: self.text.get(inner)?.into(), plain: false, kind: ScalarType::String };
            return Some(Node { span: Span { start, end: self.at }, line, value: Value::Scalar(text) });
        }
        if !(first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/' | b'.' | b'~' | b'+' | b'$' | b'(')) {
            return None;
        }
        let mut at = start;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            at += rest.iter().take_while(|byte| !MAY_END[usize::from(**byte)]).count();
            match self.byte(at) {
                b'\n' => break,
                b':' if matches!(self.byte(at + 1), b' ' | b'\n') => break,
                b' ' if self.byte(at + 1) == b'#' => break,
                b',' | b']' | b'}' if in_flow => break,
                b'[' | b'{' if in_flow => return None,
                b':' if in_flow && matches!(self.byte(at + 1), b',' | b'[' | b']' | b'{' | b'}') => return None,
                _ => at += 1,
            }
        }
        let written = self.text.get(start..at)?;
        let word = written.trim_end_matches(' ');
        // What stands before a colon is left to the library where blanks are between.
        if word.len() < written.len() && self.byte(at) == b':' {
            return None;
        }
        self.at = start + word.len();
        let text = Scalar { text: word.into(), plain: true, kind: scalar::resolve(word) };
        Some(Node { span: Span { start, end: self.at }, line, value: Value::Scalar(text) })
    }
}

/// Whether a key may stand twice: where it does, and rarely where it does not.
fn has_duplicates(pairs: &[(Node<'_>, Node<'_>)]) -> bool {
    let hash = |text: &str| {
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    };
    let mut hashes: Vec<u64> = pairs.iter().filter_map(|(key, _)| key.text()).map(hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).any(|pair| pair[0] == pair[1])
}
