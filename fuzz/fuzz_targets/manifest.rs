//! No manifest makes the reader panic, and none is read both as an image and as an index.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::oci::{Manifest, MediaType};

fuzz_target!(|body: &[u8]| {
    let _ = Manifest::sniff(body);
    let read = |media_type| Manifest::parse(&MediaType::parse(media_type).expect("a constant"), body);
    assert!(read(MediaType::OCI_MANIFEST).is_err() || read(MediaType::OCI_INDEX).is_err());
    assert!(read(MediaType::DOCKER_MANIFEST).is_err() || read(MediaType::DOCKER_LIST).is_err());
});
