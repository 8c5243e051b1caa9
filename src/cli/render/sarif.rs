//! Diagnostics as SARIF 2.1.0 (OASIS), for code scanning.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::config::{CODES, Code};
use crate::diagnostic::{Diagnostic, Label, Place, Severity};

use super::{Index, Paths, Sources, index, positions, safe_json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Stands for the root of the repository, as GitHub's scanning expects it.
const ROOT: &str = "%SRCROOT%";

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    column_kind: &'static str,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text<'static>,
    help: Help,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct OwnText {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    message: OwnText,
    locations: [Location<'a>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
    partial_fingerprints: Fingerprints,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "portolan/v1")]
    portolan: String,
}

#[derive(Serialize)]
struct Properties<'a> {
    /// Whether it depends on the day.
    timely: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// Lines and columns count from 1, columns in characters; the end is the first character after the place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// Renders all diagnostics as one log.
pub(in crate::cli) fn sarif(diagnostics: &[Diagnostic], sources: &Sources, paths: &Paths) -> String {
    let index = index(diagnostics, sources);
    let named: BTreeSet<&str> = diagnostics.iter().map(|found| found.code).collect();
    let rules: Vec<&'static Code> = CODES.iter().filter(|code| named.contains(code.code)).copied().collect();
    let mut seen = HashMap::new();
    let finding = |found| finding(found, &rules, &index, paths, &mut seen);
    let results = diagnostics.iter().map(finding).collect();
    let driver = Driver {
        name: "portolan",
        semantic_version: env!("CARGO_PKG_VERSION"),
        rules: rules.iter().map(|code| rule(code)).collect(),
    };
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    // Strings and numbers always serialize.
    safe_json(&serde_json::to_string_pretty(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }).unwrap_or_default())
        + "\n"
}

fn rule(code: &'static Code) -> Rule {
    Rule {
        id: code.code,
        short_description: Text { text: code.title },
        help: Help { text: code.explanation, markdown: code.explanation },
        default_configuration: Configuration { level: level(code.severity) },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// `seen` counts how often the same was found, to tell equal findings apart.
fn finding<'a>(
    found: &'a Diagnostic,
    rules: &[&'static Code],
    index: &Index<'_>,
    paths: &Paths,
    seen: &mut HashMap<(&'a str, &'a str, &'a str), usize>,
) -> Finding<'a> {
    let file = &*found.primary.place.file;
    let times = seen.entry((found.code, file, &found.message)).or_default();
    *times += 1;
    let text = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    let related = |(id, label): (usize, &'a Label)| location(label, Some(id), index, paths);
    Finding {
        rule_id: found.code,
        rule_index: rules.iter().position(|code| code.code == found.code),
        level: level(found.severity),
        message: OwnText { text },
        locations: [location(&found.primary, None, index, paths)],
        related_locations: (1..).zip(&found.secondary).map(related).collect(),
        partial_fingerprints: Fingerprints { portolan: fingerprint(found, *times) },
        properties: Properties { timely: found.timely, help: found.help.as_deref() },
    }
}

/// The same for the same finding after lines were moved. Of the text of the file nothing goes into it, since
/// that may be a secret.
fn fingerprint(found: &Diagnostic, times: usize) -> String {
    let mut hasher = Sha256::new();
    for part in [found.code, &found.primary.place.file, &found.message, &times.to_string()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn location<'a>(label: &'a Label, id: Option<usize>, index: &Index<'_>, paths: &Paths) -> Location<'a> {
    Location {
        id,
        physical_location: physical(&label.place, index, paths),
        message: Some(&*label.text).filter(|text| !text.is_empty()).map(|text| Text { text }),
    }
}

fn physical(place: &Place, index: &Index<'_>, paths: &Paths) -> Physical {
    let path = paths.of(&place.file);
    let artifact_location = match path.strip_prefix('/') {
        Some(_) => Artifact { uri: format!("file://{}", uri(&path)), uri_base_id: None },
        None => Artifact { uri: uri(&path), uri_base_id: Some(ROOT) },
    };
    let region = positions(place, index).map(|(start, end)| Region {
        start_line: start.line,
        start_column: start.column,
        end_line: end.line,
        end_column: end.column,
    });
    Physical { artifact_location, region }
}

/// A path as part of a URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    #[test]
    fn carries_all_facts() {
        let place = |file: &str, span| Place { file: file.into(), span };
        let found = Diagnostic {
            code: "duplicate-key",
            severity: Severity::Error,
            timely: false,
            message: "the key `é` stands twice".to_owned(),
            primary: Label { place: place("a ü.yaml", Some(Span { start: 6, end: 8 })), text: "again".to_owned() },
            secondary: vec![Label { place: place("b.yaml", None), text: "first".to_owned() }],
            help: Some("remove one".to_owned()),
            left_out: 0,
        };
        let sources = [("a ü.yaml".into(), "é: 1\né: 2\n".into())].into();
        let text = sarif(&[found.clone(), found], &sources, &Paths::new("config/"));
        let log: serde_json::Value = serde_json::from_str(&text).unwrap();
        let run = &log["runs"][0];
        assert_eq!((&log["version"], &run["columnKind"]), (&"2.1.0".into(), &"unicodeCodePoints".into()));
        let rule = &run["tool"]["driver"]["rules"][0];
        assert_eq!((&rule["id"], &rule["defaultConfiguration"]["level"]), (&"duplicate-key".into(), &"error".into()));
        assert!(rule["help"]["text"].as_str().unwrap().contains("join them"));
        let mut result = run["results"][0].clone();
        let fingerprints = result["partialFingerprints"].take();
        assert_ne!(fingerprints, run["results"][1]["partialFingerprints"]);
        assert_eq!(
            result,
            serde_json::json!({
                "ruleId": "duplicate-key", "ruleIndex": 0, "level": "error",
                "message": {"text": "the key `é` stands twice\nhelp: remove one"},
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": {"uri": "config/a%20%C3%BC.yaml", "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 2},
                    },
                    "message": {"text": "again"},
                }],
                "relatedLocations": [{
                    "id": 1,
                    "physicalLocation": {"artifactLocation": {"uri": "config/b.yaml", "uriBaseId": "%SRCROOT%"}},
                    "message": {"text": "first"},
                }],
                "partialFingerprints": null,
                "properties": {"timely": false, "help": "remove one"},
            })
        );
    }
}
