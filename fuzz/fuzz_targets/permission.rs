//! No permission makes the reader panic, and what it blames lies inside the text.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::policy::{ImageGlob, TagGlob, parse_permission};

fuzz_target!(|text: &str| {
    if let Err(error) = parse_permission(text) {
        assert!(text.get(error.range.clone()).is_some(), "{:?} is not a part of {text:?}", error.range);
    }
    if let Ok(glob) = ImageGlob::parse(text) {
        let _ = glob.matches("team/app");
    }
    let _ = TagGlob::parse(text);
});
