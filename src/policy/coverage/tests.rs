//! Coverage compared with all short names and tags, tried one by one.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::parse_permission;

fn glob(text: &str) -> ImageGlob {
    ImageGlob::parse(text).unwrap()
}

fn here<'a>(prefix: &'a str, nested: &'a [&'a str]) -> Territory<'a> {
    Territory { prefix, nested }
}

fn globs(texts: &[&str]) -> Vec<ImageGlob> {
    texts.iter().map(|text| glob(text)).collect()
}

fn found(territory: Territory<'_>, all: &[&str], none: &[&str]) -> Option<String> {
    let (all, none) = (globs(all), globs(none));
    let (all, none): (Vec<_>, Vec<_>) = (all.iter().collect(), none.iter().collect());
    match image(territory, &all, &none) {
        Search::Found(name) => Some(name.as_str().to_owned()),
        Search::Nothing => None,
        Search::GaveUp => panic!("{all:?} {none:?}"),
    }
}

#[test]
fn tells_what_lies_within_what() {
    for (inner, outer, within) in [
        ("app", &["*"][..], true),
        ("*", &["**"], true),
        ("**", &["*"], true),
        ("**/*", &["*"], true),
        ("*", &["**/*"], false),
        ("*", &["**/*", "."], true),
        (".", &["**/**"], true),
        ("team/*", &["team/**"], true),
        ("team/**", &["team/*"], false),
        ("team/**", &["team", "team/*", "team/*/**"], true),
        ("a*", &["a", "aa*"], false),
        ("a*b", &["a*", "x"], true),
        ("*a*", &["a*", "*a", "**/*a*"], true),
        ("a-*", &["a-a*", "a--*"], false),
        ("**/a/**", &["**"], true),
        ("*/*", &["*/**"], true),
        ("*/**", &["*/*"], false),
    ] {
        assert_eq!(found(here("lib", &[]), &[inner], outer).is_none(), within, "{inner} {outer:?}");
    }
    assert_eq!(found(here("lib", &[]), &["team/**"], &["team/*"]).as_deref(), Some("lib/team"));
    assert_eq!(found(here("lib", &[]), &["app-*"], &["app-x*"]).as_deref(), Some("lib/app-y"));
}

#[test]
fn tells_what_meets_and_what_matches_nothing() {
    for (all, example) in [
        (&["*/app", "team/*"][..], Some("team/app")),
        (&["a*", "*b"], Some("ab")),
        (&["a*", "b*"], None),
        (&["*", "."], None),
        (&["*.*", "*-*"], Some("x-x.x")),
        (&["a/**/b", "*/b"], Some("a/b")),
    ] {
        assert_eq!(found(here("", &[]), all, &[]).as_deref(), example, "{all:?}");
    }
    // What a nested repository serves is no image of this one.
    assert_eq!(found(here("lib", &["lib/in"]), &["in/**"], &[]), None);
    assert_eq!(found(here("lib", &["lib/in"]), &["in*"], &[]).as_deref(), Some("lib/inx"));
    assert_eq!(found(here("lib", &["lib/in"]), &["in/x"], &[]), None);
    assert_eq!(found(here("", &["x", "y", "z"]), &["*"], &[]).as_deref(), Some("a"));
    let all: Vec<String> = ('a'..='z').chain('0'..='9').map(String::from).collect();
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(found(here("", &all), &["*"], &[]).as_deref(), Some("xx"));
    assert_eq!(found(here("", &all), &["x"], &[]), None);
    // The longest name is the longest: 255 characters, the prefix counted.
    let long = format!("{}*", "a".repeat(250));
    assert_eq!(found(here("", &[]), &[&long], &[]).map(|name| name.len()), Some(250));
    assert_eq!(found(here("library", &[]), &[&long], &[]), None);
    let deep = "a/".repeat(125);
    assert_eq!(found(here("lib", &[]), &[deep.trim_end_matches('/')], &[]).map(|name| name.len()), Some(253));
}

#[test]
fn tags_are_those_of_the_specification() {
    let tag_glob = |text: &str| TagGlob::parse(text).unwrap();
    let shortest = |all: &[&str], none: &[&str]| {
        let (all, none): (Vec<_>, Vec<_>) =
            (all.iter().map(|t| tag_glob(t)).collect(), none.iter().map(|t| tag_glob(t)).collect());
        match tag(&all.iter().collect::<Vec<_>>(), &none.iter().collect::<Vec<_>>()) {
            Search::Found(tag) => Some(tag.as_str().to_owned()),
            _ => None,
        }
    };
    assert_eq!(shortest(&["v*"], &[]).as_deref(), Some("v"));
    assert_eq!(shortest(&["v*"], &["v", "v1*"]).as_deref(), Some("vx"));
    assert_eq!(shortest(&["v1.*"], &["v*"]), None);
    assert_eq!(shortest(&["v*", "*-rc"], &[]).as_deref(), Some("v-rc"));
    assert_eq!(shortest(&["*.a"], &[]).as_deref(), Some("x.a"), "a tag begins with no dot");
    assert_eq!(shortest(&[&format!("*.{}", "a".repeat(127))], &[]), None, "129 characters");
    assert_eq!(shortest(&[&format!("*{}", "a".repeat(128))], &[]).map(|tag| tag.len()), Some(128));
}

#[test]
fn grants_are_compared_with_all_others_together() {
    let what = |text: &str| parse_permission(text).unwrap().remove(0);
    for (inner, others, example) in [
        ("repository:app:push", &["write"][..], None),
        ("repository:app:push", &["repository:app:overwrite"], None),
        ("repository:app:overwrite", &["repository:app:push"], Some(("app", Some("x")))),
        ("repository:app:v*:push", &["repository:app:push"], None),
        ("repository:app:push", &["repository:app:*:push"], None),
        ("repository:app:delete", &["repository:app:*:delete"], Some(("app", None))),
        ("repository:app:v*:*", &["repository:app:v*:push", "repository:*:v*:overwrite"], Some(("app", Some("v")))),
        ("repository:app:v*:push", &["repository:app:v1*:push", "repository:*:*:overwrite"], None),
        ("repository:a*:pull", &["repository:a:pull", "repository:ab*:pull"], Some(("ax", None))),
        ("registry:catalog:*", &["read"], None),
        ("registry:catalog:*", &["repository:**/*:pull"], Some(("lib", None))),
        ("registry:base:*", &["read"], None),
        ("read", &["registry:catalog:*"], Some(("lib", None))),
    ] {
        let others: Vec<What> = others.iter().map(|text| what(text)).collect();
        let found = beyond(here("lib", &[]), &what(inner), &others.iter().collect::<Vec<_>>());
        let expected = match example {
            None => Search::Nothing,
            Some((image, tag)) => {
                let image = if image == "lib" { image.to_owned() } else { format!("lib/{image}") };
                let tag = tag.map(|tag| Tag::parse(tag).unwrap());
                Search::Found(Example { image: Some(ImageName::parse(&image).unwrap()), tag })
            }
        };
        assert_eq!(found, expected, "{inner} {others:?}");
    }
}

#[test]
fn difficult_patterns_end_in_time() {
    let began = Instant::now();
    // The subsets of positions double with each letter.
    let hard = format!("*a{}", "b*a*".repeat(40));
    let other = format!("*b{}", "a*b*".repeat(40));
    let (hard, other) = (glob(&hard), glob(&other));
    for (all, none) in [(vec![&hard], vec![&other]), (vec![&hard, &other], vec![]), (vec![&other], vec![&hard])] {
        let _ = image(here("", &[]), &all, &none);
    }
    let deep = glob("**/a*/".repeat(60).trim_end_matches('/'));
    let _ = image(here("", &[]), &[&deep], &[&hard, &other]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn knows_which_prefixes_are_nested() {
    let prefixes = Prefixes::new(["", "a", "a-b", "a.b/c", "a/b", "a/b/c", "ab", "b"]);
    assert_eq!(prefixes.below("a"), ["a/b", "a/b/c"]);
    assert_eq!(prefixes.below("a/b"), ["a/b/c"]);
    assert_eq!(prefixes.below("").len(), 7);
    assert!(prefixes.below("zz").is_empty() && prefixes.below("a/b/c").is_empty());
}

/// All names of at most 6 characters over a few, the shortest first.
static NAMES: LazyLock<Vec<ImageName>> =
    LazyLock::new(|| all_words(b"ab-_/", 6).iter().filter_map(|word| ImageName::parse(word).ok()).collect());

/// All tags of at most 5 characters over a few, the shortest first.
static TAGS: LazyLock<Vec<Tag>> =
    LazyLock::new(|| all_words(b"abx.", 5).iter().filter_map(|word| Tag::parse(word).ok()).collect());

fn all_words(letters: &[u8], length: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut from = 0;
    for _ in 0..length {
        let longer: Vec<String> = words[from..]
            .iter()
            .flat_map(|word| letters.iter().map(move |letter| format!("{word}{}", char::from(*letter))))
            .collect();
        from = words.len();
        words.extend(longer);
    }
    words
}

fn image_glob() -> impl Strategy<Value = ImageGlob> {
    let component = prop_oneof![
        3 => select(&["a", "b", "ab", "a-b", "a_b"][..]).prop_map(str::to_owned),
        2 => Just("*".to_owned()),
        2 => Just("**".to_owned()),
        4 => "[ab*]{1,4}",
        1 => "a[-_]?\\*?b",
    ];
    let path = prop::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"));
    prop_oneof![10 => path, 1 => Just(".".to_owned())]
        .prop_filter_map("no pattern", |text| ImageGlob::parse(&text).ok())
}

const NESTED: [&[&str]; 4] = [&[], &["a/a"], &["a/a", "a/b"], &["a/ab", "a/b/a"]];

fn tag_glob() -> impl Strategy<Value = TagGlob> {
    "[ab.*]{1,5}".prop_filter_map("no pattern", |text| TagGlob::parse(&text).ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whole_patterns_match_as_relative_ones_do(pattern in image_glob(), prefix in select(&["", "a", "a/b"][..])) {
        let whole = NamePattern::new(prefix, &pattern);
        for name in NAMES.iter().take_while(|name| name.as_str().len() <= 5) {
            let relative = name.relative_to(prefix);
            let expected = relative.is_some_and(|relative| pattern.matches(relative));
            prop_assert_eq!(whole.as_ref().is_some_and(|whole| whole.matches(name)), expected, "{}", name);
        }
    }

    #[test]
    fn images_are_found_where_there_are_any(
        all in prop::collection::vec(image_glob(), 1..3),
        none in prop::collection::vec(image_glob(), 0..4),
        prefix in select(&["", "a"][..]),
        nested in select(NESTED.as_slice()),
    ) {
        let is_one = |name: &ImageName| name.relative_to(prefix).is_some_and(|relative| {
            all.iter().all(|glob| glob.matches(relative))
                && !none.iter().any(|glob| glob.matches(relative))
                && !nested.iter().any(|nested| name.relative_to(nested).is_some())
        });
        let shortest = NAMES.iter().find(|name| is_one(name));
        match image(here(prefix, nested), &all.iter().collect::<Vec<_>>(), &none.iter().collect::<Vec<_>>()) {
            Search::Found(name) => {
                prop_assert!(is_one(&name), "{}", name);
                prop_assert!(shortest.is_none_or(|shortest| name.as_str().len() <= shortest.as_str().len()));
            }
            Search::Nothing => prop_assert_eq!(shortest, None),
            Search::GaveUp => prop_assert!(false, "these are easy"),
        }
    }

    #[test]
    fn tags_are_found_where_there_are_any(
        all in prop::collection::vec(tag_glob(), 1..3),
        none in prop::collection::vec(tag_glob(), 0..4),
    ) {
        let is_one = |tag: &Tag| all.iter().all(|glob| glob.matches(tag)) && !none.iter().any(|glob| glob.matches(tag));
        let shortest = TAGS.iter().find(|tag| is_one(tag));
        match tag(&all.iter().collect::<Vec<_>>(), &none.iter().collect::<Vec<_>>()) {
            Search::Found(tag) => {
                prop_assert!(is_one(&tag), "{}", tag);
                prop_assert!(shortest.is_none_or(|shortest| tag.as_str().len() <= shortest.as_str().len()));
            }
            Search::Nothing => prop_assert_eq!(shortest, None),
            Search::GaveUp => prop_assert!(false, "these are easy"),
        }
    }
}
