//! Whatever is accepted as an image name is safe as a path and reads back as itself.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::oci::{ImageName, NAME_MAX_CHARS, UploadId};

fuzz_target!(|text: &str| {
    if let Ok(name) = ImageName::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(text.len() <= NAME_MAX_CHARS);
        assert!(text.split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '_'])));
        assert_eq!(name.enclosing().last(), Some(""));
        for prefix in name.enclosing() {
            let relative = name.relative_to(prefix).expect("an enclosing prefix holds the name");
            if !relative.is_empty() {
                assert_eq!(ImageName::below(prefix, relative).as_ref(), Ok(&name));
            }
        }
    }
    if let Ok(id) = UploadId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
});
