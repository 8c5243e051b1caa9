//! Names in sentences: the one that was probably meant, and many of them.

use crate::config::nearest;

/// A longer line is no first line of a commit.
const TITLE_CHARACTERS_MAX: usize = 72;

/// What to do about a name that is not there: the one that was meant, or else what `otherwise` says.
pub(super) fn meant<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>, otherwise: &str) -> String {
    nearest(word, candidates).map_or_else(|| otherwise.to_owned(), |near| format!("did you mean `{near}`?"))
}

/// `a`, `b` and `c`, as it stands in a sentence.
pub(super) fn list<'c>(words: impl IntoIterator<Item = &'c str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// The first lines of a message about some things: all are named in the first where they have room there, and below
/// it otherwise. `around` puts them into a sentence.
pub(super) fn titled(all: &[&str], many: &str, around: impl Fn(&str) -> String) -> Vec<String> {
    let title = around(&list(all.iter().copied()));
    if all.len() <= 1 || title.chars().count() <= TITLE_CHARACTERS_MAX {
        return vec![title];
    }
    vec![around(&format!("{} {many}", all.len())), list(all.iter().copied())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_was_meant() {
        let names = ["jane", "jnna", "mark"];
        assert_eq!(meant("mrak", names, "otherwise"), "did you mean `mark`?");
        assert_eq!(meant("x".repeat(65).as_str(), names, "otherwise"), "otherwise");
    }

    #[test]
    fn many_things_stand_below_the_title() {
        let around = |some: &str| format!("Delete {some}");
        assert_eq!(titled(&["a", "b"], "users", around), ["Delete `a` and `b`"]);
        let long = "x".repeat(80);
        assert_eq!(titled(&[&long], "users", around).len(), 1, "one is always named");
        assert_eq!(titled(&[&long, "b"], "users", around), ["Delete 2 users".to_owned(), format!("`{long}` and `b`")]);
    }

    #[test]
    fn words_are_listed_as_one_says_them() {
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
