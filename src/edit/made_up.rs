//! Names for machines that were given none: readable, and nobody else's.

use std::collections::HashSet;

use super::Refused;

/// As many of each as a byte's lower bits can tell apart.
const WORDS: usize = 64;
/// After as many attempts a number is added, and then any name is free sooner or later.
const PLAIN_ATTEMPTS: usize = 16;

const HOW: [&str; WORDS] = [
    "amber", "ample", "apt", "blue", "bold", "brave", "brief", "bright", "brisk", "calm", "candid", "careful", "clear",
    "clever", "cool", "crisp", "deep", "deft", "eager", "early", "even", "fair", "famous", "fast", "firm", "fond",
    "free", "fresh", "gentle", "glad", "golden", "grand", "green", "handy", "happy", "honest", "humble", "keen",
    "kind", "large", "light", "lively", "loyal", "lucky", "merry", "mild", "modest", "neat", "noble", "patient",
    "plain", "polite", "proud", "quick", "quiet", "rapid", "ready", "silver", "steady", "swift", "tidy", "vivid",
    "warm", "wise",
];

const WHAT: [&str; WORDS] = [
    "anchor", "atlas", "bay", "beacon", "boat", "breeze", "bridge", "buoy", "canal", "cape", "captain", "chart",
    "cliff", "coast", "compass", "coral", "cove", "crane", "current", "delta", "dock", "dolphin", "dune", "estuary",
    "ferry", "fjord", "foghorn", "frigate", "galley", "gull", "harbour", "heron", "horizon", "inlet", "island",
    "jetty", "keel", "lagoon", "lantern", "marina", "mast", "meridian", "mooring", "oar", "osprey", "otter", "pelican",
    "pier", "pilot", "quay", "reef", "rudder", "sail", "schooner", "sextant", "shore", "sloop", "sound", "spar",
    "strait", "tern", "tide", "tiller", "wharf",
];

/// A name that is not among those taken, whatever the case.
///
/// # Errors
/// [`Refused::NoRandomness`]
pub(super) fn name<'t>(taken: impl IntoIterator<Item = &'t str>) -> Result<String, Refused> {
    let taken: HashSet<String> = taken.into_iter().map(str::to_lowercase).collect();
    let mut attempts = 0;
    loop {
        let mut bytes = [0; 4];
        getrandom::fill(&mut bytes).map_err(|_| Refused::NoRandomness)?;
        let word = |words: &'static [&str; WORDS], byte: u8| words[usize::from(byte) % WORDS];
        let mut name = format!("{}-{}", word(&HOW, bytes[0]), word(&WHAT, bytes[1]));
        if attempts >= PLAIN_ATTEMPTS {
            name.push_str(&format!("-{}", u16::from_le_bytes([bytes[2], bytes[3]])));
        }
        if !taken.contains(&name) {
            return Ok(name);
        }
        attempts += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::UserName;

    #[test]
    fn names_are_readable_and_free() {
        for words in [HOW, WHAT] {
            assert_eq!(words.iter().collect::<HashSet<_>>().len(), WORDS);
        }
        let all: Vec<String> =
            HOW.iter().flat_map(|how| WHAT.iter().map(move |what| format!("{how}-{what}"))).collect();
        // All but one are taken, and then all.
        let free = all.iter().position(|name| name == "calm-harbour").unwrap();
        let taken = all.iter().enumerate().filter(|(at, _)| *at != free).map(|(_, name)| name.as_str());
        let made_up = name(taken.clone()).unwrap();
        assert!(made_up == "calm-harbour" || made_up.split('-').count() == 3, "{made_up}");
        let upper: Vec<String> = all.iter().map(|name| name.to_uppercase()).collect();
        let made_up = name(upper.iter().map(String::as_str)).unwrap();
        assert!(made_up.split('-').count() == 3 && UserName::of_user(&made_up).is_ok(), "{made_up}");
        assert_eq!(name([]).unwrap().split('-').count(), 2);
    }
}
