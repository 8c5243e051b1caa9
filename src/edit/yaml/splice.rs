//! Pieces of a text that are replaced, all at once.

/// Replacements by their places in the text before.
#[derive(Default)]
pub(super) struct Splices {
    pieces: Vec<Piece>,
}

struct Piece {
    start: usize,
    end: usize,
    text: String,
}

impl Splices {
    /// Puts a text in.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at, at, text);
    }

    /// Takes a piece away.
    pub(super) fn delete(&mut self, start: usize, end: usize) {
        if start < end {
            self.replace(start, end, "");
        }
    }

    /// Puts a text in place of a piece.
    pub(super) fn replace(&mut self, start: usize, end: usize, text: impl Into<String>) {
        self.pieces.push(Piece { start, end, text: text.into() });
    }

    /// Whether nothing is replaced.
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The first place that is touched.
    pub(super) fn first(&self) -> usize {
        self.pieces.iter().map(|piece| piece.start).min().unwrap_or_default()
    }

    /// The pieces that are taken away, in order.
    pub(super) fn deleted(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pieces.iter().filter(|piece| piece.start < piece.end).map(|piece| (piece.start, piece.end))
    }

    /// Puts the pieces in their order; gives the place of two that overlap.
    pub(super) fn sort(&mut self) -> Result<(), usize> {
        self.pieces.sort_by_key(|piece| (piece.start, piece.end));
        let overlap = self.pieces.windows(2).find(|pair| pair[0].end > pair[1].start);
        overlap.map_or(Ok(()), |pair| Err(pair[1].start))
    }

    /// The text with all of it done, where the pieces are in order.
    pub(super) fn apply(&self, text: &str) -> String {
        let more: usize = self.pieces.iter().map(|piece| piece.text.len()).sum();
        let mut changed = String::with_capacity(text.len() + more);
        let mut at = 0;
        for piece in &self.pieces {
            changed.push_str(text.get(at..piece.start).unwrap_or_default());
            changed.push_str(&piece.text);
            at = piece.end;
        }
        changed.push_str(text.get(at..).unwrap_or_default());
        changed
    }
}
