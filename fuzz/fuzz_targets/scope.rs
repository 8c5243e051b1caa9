//! A scope that was read, once written, reads back as the same scope.
#![no_main]
use libfuzzer_sys::fuzz_target;
use portolan::oci::Scope;

fuzz_target!(|text: &str| {
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
});
