//! Byte ranges: what a client wants of a blob, and where a chunk of an upload belongs.

/// The `Range` header of a download, cut down to what RFC 9110, section 14.2, allows a server to
/// support: one range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=A-B`, both inclusive.
    Closed(u64, u64),
    /// `bytes=A-`.
    From(u64),
    /// `bytes=-N`: the last N bytes.
    Last(u64),
}

/// What a [`ByteRange`] means for content of a known size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// These bytes, from the first up to but not including the second position; never empty.
    Bytes(u64, u64),
    /// Nothing of the content lies in the range: 416.
    Unsatisfiable,
}

/// The header has no form that this registry understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// Another unit, several ranges, or no numbers: a server may ignore such a header.
    #[error("not a single range of bytes")]
    Form,
    /// The range ends before it begins.
    #[error("the range ends before it begins")]
    Reversed,
}

impl ByteRange {
    /// Reads the value of a `Range` header.
    ///
    /// # Errors
    /// [`BadRange::Form`] for what may be ignored, [`BadRange::Reversed`] for what must be 416.
    pub fn parse(text: &str) -> Result<Self, BadRange> {
        let (unit, range) = text.split_once('=').ok_or(BadRange::Form)?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Err(BadRange::Form);
        }
        let (first, last) = range.trim().split_once('-').ok_or(BadRange::Form)?;
        match (first.is_empty(), last.is_empty()) {
            (true, true) => Err(BadRange::Form),
            (true, false) => Ok(Self::Last(number(last)?)),
            (false, true) => Ok(Self::From(number(first)?)),
            (false, false) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first { Err(BadRange::Reversed) } else { Ok(Self::Closed(first, last)) }
            }
        }
    }

    /// Places the range in content of `size` bytes.
    pub fn resolve(self, size: u64) -> Resolved {
        let (first, end) = match self {
            Self::Closed(first, last) => (first, last.saturating_add(1).min(size)),
            Self::From(first) => (first, size),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if first < end { Resolved::Bytes(first, end) } else { Resolved::Unsatisfiable }
    }
}

/// The `Content-Range` of a chunk of an upload: `A-B`, both inclusive. The specification writes it
/// without a unit; `bytes A-B/*` of RFC 9110 is understood as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// Position of the chunk's first byte.
    pub first: u64,
    /// How many bytes the chunk has, at least one.
    pub length: u64,
}

impl ContentRange {
    /// Reads the value of a `Content-Range` header of an upload.
    ///
    /// # Errors
    /// [`BadRange::Form`] or [`BadRange::Reversed`].
    pub fn parse(text: &str) -> Result<Self, BadRange> {
        let text = text.trim();
        let text = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes=")).unwrap_or(text);
        let text = text.split_once('/').map_or(text, |(range, _)| range);
        let (first, last) = text.split_once('-').ok_or(BadRange::Form)?;
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err(BadRange::Reversed);
        }
        let length = (last - first).checked_add(1).ok_or(BadRange::Form)?;
        Ok(Self { first, length })
    }
}

/// Reads decimal digits and nothing else: no sign, no space.
fn number(text: &str) -> Result<u64, BadRange> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadRange::Form);
    }
    text.parse().map_err(|_| BadRange::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_resolve_against_a_size() {
        let resolve = |text: &str, size| ByteRange::parse(text).map(|range| range.resolve(size));
        assert_eq!(resolve("bytes=0-0", 10), Ok(Resolved::Bytes(0, 1)));
        assert_eq!(resolve("bytes=2-", 10), Ok(Resolved::Bytes(2, 10)));
        assert_eq!(resolve("bytes=-3", 10), Ok(Resolved::Bytes(7, 10)));
        assert_eq!(resolve("bytes=-30", 10), Ok(Resolved::Bytes(0, 10)));
        assert_eq!(resolve("bytes=5-500", 10), Ok(Resolved::Bytes(5, 10)));
        assert_eq!(resolve("bytes=0-18446744073709551615", 10), Ok(Resolved::Bytes(0, 10)));
        assert_eq!(resolve("bytes=10-", 10), Ok(Resolved::Unsatisfiable));
        assert_eq!(resolve("bytes=-0", 10), Ok(Resolved::Unsatisfiable));
        assert_eq!(resolve("bytes=0-", 0), Ok(Resolved::Unsatisfiable));
        assert_eq!(resolve("bytes=500-0", 10), Err(BadRange::Reversed));
        for text in ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2"] {
            assert_eq!(resolve(text, 10), Err(BadRange::Form), "{text}");
        }
    }

    #[test]
    fn content_ranges_count_both_ends() {
        let good = Ok(ContentRange { first: 0, length: 10 });
        assert_eq!(ContentRange::parse("0-9"), good);
        assert_eq!(ContentRange::parse("bytes 0-9/*"), good);
        for text in ["", "-", "0-", "-9", "a-b", "0 - 9", "0-18446744073709551615", "99999999999999999999-1"] {
            assert_eq!(ContentRange::parse(text), Err(BadRange::Form), "{text}");
        }
        assert_eq!(ContentRange::parse("9-0"), Err(BadRange::Reversed));
    }
}
