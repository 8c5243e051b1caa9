//! No text of a configuration file makes the compiler panic, and every span lies inside its file.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::config::{Content, Tree, compile};

fuzz_target!(|input: (u8, &[u8])| {
    let (which, bytes) = input;
    let file = ["repos/a.yaml", "credentials.yaml", "storages.yaml", "registry.yaml", "tests/a.yaml"][usize::from(which) % 5];
    let mut tree = Tree::default();
    tree.files.insert(file.into(), Content::Bytes(bytes.into()));
    let compiled = compile(&tree, None);
    for diagnostic in &compiled.diagnostics {
        for place in std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary).map(|label| &label.place) {
            if let (Some(span), Some(text)) = (place.span, compiled.sources.get(&place.file)) {
                assert!(text.get(span.start..span.end).is_some(), "{}: {span:?}", diagnostic.code);
            }
        }
    }
    let _ = compile(&tree, Some(&compiled));
});
