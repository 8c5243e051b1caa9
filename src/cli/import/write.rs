//! A draft as the files of a configuration folder: YAML as a person would write it.

use std::fmt::Write as _;

use super::draft::{Draft, Entry, NewRepository, Storage, StorageOf};
use crate::cli::render::visible;

/// A file to be written.
pub(super) struct NewFile {
    /// Path below the folder.
    pub(super) path: String,
    pub(super) text: String,
    /// Whether only the owner may read it.
    pub(super) is_private: bool,
}

/// What stands for a password's hash where it must not be shown.
const HIDDEN: &str = "…";

/// The files of a draft; with `hides_secrets`, to be shown and not to be written.
pub(super) fn files(draft: &Draft, hides_secrets: bool) -> Vec<NewFile> {
    let mut files = Vec::new();
    let mut push = |path: String, text: String, is_private| files.push(NewFile { path, text, is_private });
    if !draft.users.is_empty() {
        push("credentials.yaml".to_owned(), credentials(draft, hides_secrets), true);
    }
    if !draft.storages.is_empty() {
        push("storages.yaml".to_owned(), storages(draft), false);
    }
    for repository in &draft.repositories {
        let path = format!("repos/{}.yaml", repository.name);
        push(path, repository_text(draft, repository), false);
    }
    files
}

/// The line that tells editors the schema, and from where the file came.
fn head(draft: &Draft, schema: &str, depth: usize) -> String {
    let up = "../".repeat(depth);
    let origin = visible(&draft.origin);
    format!("# yaml-language-server: $schema={up}.schemas/{schema}.schema.json\n#\n# Imported from {origin}.\n\n")
}

fn credentials(draft: &Draft, hides_secrets: bool) -> String {
    let mut text = head(draft, "credentials", 0) + "credentials:\n";
    for user in &draft.users {
        let pass = if hides_secrets { HIDDEN.to_owned() } else { scalar(&user.pass) };
        let _ = write!(text, "  {}:\n    type: {}\n    pass: {pass}\n", scalar(user.name.as_str()), user.kind.as_str());
        if let Some(email) = &user.email {
            let _ = writeln!(text, "    email: {}", scalar(email));
        }
        if !user.groups.is_empty() {
            let groups: Vec<String> = user.groups.iter().map(|group| scalar(group.as_str())).collect();
            let _ = writeln!(text, "    groups: [{}]", groups.join(", "));
        }
        if !user.is_enabled {
            text.push_str("    enabled: false\n");
        }
    }
    text
}

fn storages(draft: &Draft) -> String {
    let mut text = head(draft, "storages", 0) + "storages:\n";
    for (alias, storage) in &draft.storages {
        let _ = writeln!(text, "  {}:", scalar(alias));
        text.push_str(&definition(storage, "    "));
    }
    text
}

fn definition(storage: &Storage, indent: &str) -> String {
    let mut text = String::new();
    let mut key = |name: &str, value: &str| {
        let _ = writeln!(text, "{indent}{name}: {value}");
    };
    match storage {
        Storage::Fs { path } => {
            key("type", "fs");
            key("path", &scalar(path));
        }
        Storage::S3 { bucket, region, endpoint, keys } => {
            key("type", "s3");
            key("bucket", &scalar(bucket));
            for (name, value) in [("region", region), ("endpoint", endpoint)] {
                if let Some(value) = value {
                    key(name, &scalar(value));
                }
            }
            if let Some(keys) = keys {
                key("credentials", "");
                key("  type", "basic");
                key("  accessKeyId", &format!("{{env: {}}}", keys.id));
                key("  secretAccessKey", &format!("{{env: {}}}", keys.secret));
            }
        }
    }
    text.replace(": \n", ":\n")
}

fn repository_text(draft: &Draft, repository: &NewRepository) -> String {
    let depth = repository.name.matches('/').count() + 1;
    let mut text = head(draft, "repository", depth) + "repo:\n  type: docker\n";
    match &repository.storage {
        None => {}
        Some(StorageOf::Alias(alias)) => {
            let _ = writeln!(text, "  storage: {}", scalar(alias));
        }
        Some(StorageOf::InPlace(storage)) => {
            text.push_str("  storage:\n");
            text.push_str(&definition(storage, "    "));
        }
    }
    if let Some(prefix) = &repository.prefix {
        let _ = writeln!(text, "  prefix: {}", scalar(prefix));
    }
    if let Some(port) = repository.port {
        let _ = writeln!(text, "  port: {port}");
    }
    match &repository.permissions {
        None => {}
        Some(sections) if sections.is_empty() => text.push_str("  permissions: {}\n"),
        Some(sections) => {
            text.push_str("  permissions:\n");
            for (who, entries) in sections {
                text.push_str(&section(who, entries));
            }
        }
    }
    text
}

fn section(who: &str, entries: &[Entry]) -> String {
    let is_short = entries.iter().all(|entry| !entry.text.contains(':'));
    let comments: Vec<&str> = entries.iter().filter_map(|entry| entry.comment.as_deref()).collect();
    if is_short && comments.len() <= 1 {
        let words: Vec<String> = entries.iter().map(|entry| scalar(&entry.text)).collect();
        return format!("    {}: [{}]{}\n", scalar(who), words.join(", "), comment(comments.first().copied()));
    }
    let mut text = format!("    {}:\n", scalar(who));
    for entry in entries {
        let _ = writeln!(text, "      - {}{}", scalar(&entry.text), comment(entry.comment.as_deref()));
    }
    text
}

fn comment(text: Option<&str>) -> String {
    text.map(|text| format!(" # {}", visible(text))).unwrap_or_default()
}

/// A text as a YAML value or key, in quotes where any reader of YAML, of version 1.1 or 1.2, could take
/// it for something else.
pub(super) fn scalar(text: &str) -> String {
    const WORDS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"];
    let is_word = WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '/' | '$'));
    // A text that begins with a digit is left bare where no number, date or time is made of it.
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && (text.bytes().all(|b| b.is_ascii_hexdigit() || b"xobTtZz_.:+-".contains(&b)));
    let is_bare = begins || text.starts_with(|c: char| c.is_ascii_digit()) && !is_number;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_./@+$:*=-".contains(c);
    if is_bare && !is_word && text.chars().all(is_plain) && !text.ends_with(':') && !text.starts_with("/*") {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() || !c.is_ascii() && visible(&c.to_string()).len() > c.len_utf8() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::read_foreign;

    #[test]
    fn what_yaml_could_mistake_is_quoted() {
        for text in
            ["on", "No", "null", "~", "1e3", "007", "0x1f", "1_000", "12:30", "2026-12-01", "*", "/*", "", "a b", "- a"]
        {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        for text in
            ["jane", "/readers", "repository:app/*:pull", "$2y$05$abc/d.e", "read", "4ever-x", "jane@example.com"]
        {
            assert_eq!(scalar(text), text);
        }
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was(text in "\\PC{0,12}|[a-zA-Z0-9:*/'\"\\\\#&!,{}\\[\\] \\n\\t.~-]{0,8}|[0-9eExo_.:+-]{1,6}") {
            let yaml = format!("{}: [{}]\n", scalar(&text), scalar(&text));
            let root = read_foreign(&yaml).unwrap();
            let (key, value) = &root.pairs().unwrap()[0];
            prop_assert_eq!(key.string(), Some(text.as_str()));
            prop_assert_eq!(value.items().unwrap()[0].string(), Some(text.as_str()));
        }
    }
}
