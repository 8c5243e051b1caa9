//! What the quick reader of plain YAML reads is what the library reads: values, places and lines.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    assert!(portolan::config::readers_agree(text), "{text:?}");
});
