//! A transcript for every code: a small folder in `tests/data/diagnostics/CODE/config`, and what `check` prints of
//! it in `human.txt`. After a change on purpose: `UPDATE_TRANSCRIPTS=1 cargo test transcript`, then review the diff.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use portolan::config::{CODES, Code};
use serde_json::Value;

/// The day of all transcripts.
const DAY: &str = "2026-06-15";

fn folder(code: &Code) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/diagnostics").join(code.code)
}

fn check(around: &Path, arguments: &[&str]) -> Output {
    run("check", around, arguments)
}

fn run(name: &str, around: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
    command.args([name, "config", "--color", "never"]).args(arguments).current_dir(around);
    for name in ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "PORTOLAN_CONFIG"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Calls a function for each code, on as many threads as there are cores; gives back what went wrong.
fn for_each_code(test: impl Fn(&'static Code) -> Result<(), String> + Sync) {
    let test = &test;
    let share = CODES.len().div_ceil(std::thread::available_parallelism().map_or(1, usize::from));
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let part = |codes: &'static [&'static Code]| {
            scope.spawn(move || codes.iter().filter_map(|code| test(code).err()).collect::<Vec<_>>())
        };
        let running: Vec<_> = CODES.chunks(share).map(part).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What a transcript's folder needs beyond what every way of copying a checkout keeps.
fn prepared(code: &Code) -> (tempfile::TempDir, Vec<&'static str>) {
    let dir = tempfile::tempdir().unwrap();
    copy(&folder(code), dir.path());
    // The paths in the output begin at the root of the repository.
    fs::create_dir(dir.path().join(".git")).unwrap();
    let mut arguments = vec!["--at", DAY];
    match code.code {
        "file-too-large" => fs::write(dir.path().join("config/registry.yaml"), "#".repeat((1 << 20) + 1)).unwrap(),
        "file-unreadable" => symlink("nowhere.yaml", dir.path().join("config/registry.yaml")).unwrap(),
        "missing-secret" => arguments.push("--secrets"),
        _ => {}
    }
    (dir, arguments)
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn every_code_has_a_transcript_with_a_help() {
    for_each_code(|code| {
        let name = code.code;
        if !folder(code).join("config").is_dir() {
            return Err(format!("`{name}` has no folder {}/config that shows it", folder(code).display()));
        }
        let (dir, arguments) = prepared(code);
        // One code is that of `portolan test`.
        let is_test = name == "test-failed";
        let output = run(if is_test { "test" } else { "check" }, dir.path(), &arguments);
        let shown = stdout(&output);
        let file = folder(code).join("human.txt");
        if std::env::var_os("UPDATE_TRANSCRIPTS").is_some() {
            fs::write(&file, &shown).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if shown != expected {
            return Err(format!("{}:\n{shown}\ninstead of\n{expected}", file.display()));
        }
        let own: Vec<_> = shown.split("\n\n").filter(|block| block.contains(&format!("[{name}]"))).collect();
        if own.is_empty() || own.iter().any(|block| !block.contains("= help: ")) {
            return Err(format!("`{name}` is not shown with a help:\n{shown}"));
        }
        if is_test {
            return if output.status.code() == Some(1) { Ok(()) } else { Err(format!("`{name}`: {}", output.status)) };
        }
        // Errors end with 1, warnings do where they are denied, and what depends on the day never does.
        let is_error = shown.contains("error[");
        let denied = check(dir.path(), &[&arguments[..], &["--deny-warnings"]].concat());
        let expected = (Some(i32::from(is_error)), Some(i32::from(is_error || !code.timely)));
        let found = (output.status.code(), denied.status.code());
        if found == expected { Ok(()) } else { Err(format!("`{name}` ends with {found:?}, not {expected:?}")) }
    });
}

#[test]
fn sarif_is_valid_and_says_the_same() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sarif/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(schema).unwrap()).unwrap();
    // The one pattern that is no regular expression by the schema's own standard, of a key that is not written.
    for part in ["run", "toolComponent"] {
        schema["definitions"][part]["properties"]["language"].as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for_each_code(|code| {
        let (dir, arguments) = prepared(code);
        let run = |format| check(dir.path(), &[&arguments[..], &["--format", format]].concat());
        let parse = |format| -> Value { serde_json::from_slice(&run(format).stdout).unwrap() };
        let (sarif, json) = (parse("sarif"), parse("json"));
        let errors: Vec<_> = validator.iter_errors(&sarif).map(|error| error.to_string()).collect();
        if !errors.is_empty() {
            return Err(format!("`{}`: {errors:?}\n{sarif:#}", code.code));
        }
        let facts = |place: &Value| -> Vec<Value> {
            let region = &place["physicalLocation"]["region"];
            let keys = ["startLine", "startColumn", "endLine", "endColumn"].map(|key| region[key].clone());
            let uri = place["physicalLocation"]["artifactLocation"]["uri"].clone();
            keys.into_iter().chain([uri]).collect()
        };
        let spot = |place: &Value| ["line", "column", "end_line", "end_column", "path"].map(|key| place[key].clone());
        let of_sarif: Vec<_> = sarif["runs"][0]["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|result| {
                let related =
                    result["relatedLocations"].as_array().map_or(Vec::new(), |all| all.iter().map(facts).collect());
                (result["ruleId"].clone(), result["level"].clone(), facts(&result["locations"][0]), related)
            })
            .collect();
        let of_json: Vec<_> = json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| {
                let related = found["related"].as_array().unwrap().iter().map(|place| spot(place).to_vec()).collect();
                (found["code"].clone(), found["severity"].clone(), spot(found).to_vec(), related)
            })
            .collect();
        if of_sarif != of_json {
            return Err(format!("`{}`:\n{of_sarif:?}\n{of_json:?}", code.code));
        }
        Ok(())
    });
}

#[test]
fn annotations_and_reports_say_the_same() {
    for_each_code(|code| {
        let (dir, arguments) = prepared(code);
        let run = |format| stdout(&check(dir.path(), &[&arguments[..], &["--format", format]].concat()));
        let json: Value = serde_json::from_str(&run("json")).unwrap();
        let found = json["diagnostics"].as_array().unwrap();
        let github = run("github");
        let expected: Vec<_> = found
            .iter()
            .map(|found| {
                let text = |key: &str| found[key].as_str().unwrap().to_owned();
                format!("::{} file={},", text("severity"), text("path"))
            })
            .collect();
        let lines: Vec<_> = github.lines().collect();
        if lines.len() != expected.len() || !lines.iter().zip(&expected).all(|(line, start)| line.starts_with(start)) {
            return Err(format!("`{}`: {github}\n{expected:?}", code.code));
        }
        let junit = run("junit");
        let mut reader = quick_xml::Reader::from_str(&junit);
        let mut failures = 0;
        loop {
            match reader.read_event().map_err(|error| format!("`{}`: {error}\n{junit}", code.code))? {
                quick_xml::events::Event::Eof => break,
                quick_xml::events::Event::Start(tag) if tag.name().as_ref() == b"failure" => failures += 1,
                _ => {}
            }
        }
        let files: std::collections::BTreeSet<_> = found
            .iter()
            .filter(|found| found["severity"] == "error")
            .map(|found| found["file"].as_str().unwrap())
            .collect();
        if failures != files.len() {
            return Err(format!("`{}`: {failures} failures\n{junit}", code.code));
        }
        Ok(())
    });
}

#[test]
fn what_a_broken_file_hides_is_said_to_be_hidden() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("config/repos");
    fs::create_dir_all(&folder).unwrap();
    let repository = |word: &str| {
        let text = "repo:\n  type: docker\n  storage: default\n  permissions:\n    ghost: [read]\n";
        fs::write(folder.join("x.yaml"), format!("{text}    x: [{word}]\n")).unwrap();
    };
    let sentence = "warnings that need the files with errors are told when these are mended\n";
    for (word, hides) in [("reed", true), ("read", false)] {
        repository(word);
        let output = check(dir.path(), &[]);
        assert_eq!(stdout(&output).contains("[unmatched-user]"), !hides, "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap().ends_with(sentence), hides);
        let json: Value = serde_json::from_str(&stdout(&check(dir.path(), &["--format", "json"]))).unwrap();
        assert_eq!(json["summary"]["may_lack_warnings"], hides);
    }
}
