//! Tags, digests and media types read back as themselves and hold nothing that a path could trip over.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::oci::{MediaType, Reference};

fuzz_target!(|text: &str| {
    if let Ok(reference) = Reference::parse(text) {
        assert_eq!(reference.to_string(), text);
        assert!(!text.contains(['/', '\\', '\0', '%']) && !text.starts_with('.'));
    }
    if let Some(media_type) = MediaType::parse(text) {
        assert_eq!(MediaType::parse(media_type.as_str()), Some(media_type));
    }
});
