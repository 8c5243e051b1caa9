//! A range never reaches outside its content and no number overflows.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::oci::{ByteRange, ContentRange, Resolved};

fuzz_target!(|input: (&str, u64)| {
    let (text, size) = input;
    if let Ok(range) = ByteRange::parse(text)
        && let Resolved::Bytes(first, end) = range.resolve(size)
    {
        assert!(first < end && end <= size);
    }
    if let Ok(range) = ContentRange::parse(text) {
        assert!(range.length > 0);
        let _ = range.first.checked_add(range.length);
    }
});
