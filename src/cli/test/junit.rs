//! The results as a JUnit report: a suite for each file, a case for each question.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::super::render::{Paths, visible};
use super::outcome::{Outcome, Tally};

/// Renders all results. `transcript` is what people see of one that failed.
pub(super) fn junit(
    outcomes: &[Outcome<'_>],
    paths: &Paths,
    mut transcript: impl FnMut(&Outcome<'_>) -> String,
) -> String {
    let mut files: BTreeMap<&str, Vec<&Outcome<'_>>> = BTreeMap::new();
    for outcome in outcomes {
        files.entry(&outcome.test.file).or_default().push(outcome);
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let written = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).and_then(|()| {
        let suites = writer.create_element("testsuites").with_attribute(("name", "portolan test"));
        let counts = counts(outcomes.iter());
        suites.with_attributes(attributes(&counts)).write_inner_content(|writer| {
            for (file, of_file) in &files {
                let path = visible(&paths.of(file));
                let counts = self::counts(of_file.iter().copied());
                let suite = writer.create_element("testsuite").with_attributes([("name", &*path), ("file", &*path)]);
                suite.with_attributes(attributes(&counts)).write_inner_content(|writer| {
                    of_file.iter().try_for_each(|outcome| case(writer, &path, outcome, &mut transcript))
                })?;
            }
            Ok(())
        })?;
        Ok(())
    });
    // Writing to memory cannot fail, and all that is written is UTF-8.
    let bytes = if written.is_ok() { writer.into_inner() } else { Vec::new() };
    String::from_utf8(bytes).unwrap_or_default() + "\n"
}

/// The numbers of tests and of failures, as texts.
fn counts<'o, 't: 'o>(outcomes: impl Iterator<Item = &'o Outcome<'t>>) -> [String; 2] {
    let Tally { passed, failed, .. } = Tally::of(outcomes);
    [(passed + failed).to_string(), failed.to_string()]
}

fn attributes([tests, failures]: &[String; 2]) -> [(&'static str, &str); 5] {
    [("tests", tests), ("failures", failures), ("errors", "0"), ("skipped", "0"), ("time", "0")]
}

fn case(
    writer: &mut Writer<Vec<u8>>,
    path: &str,
    outcome: &Outcome<'_>,
    transcript: &mut impl FnMut(&Outcome<'_>) -> String,
) -> io::Result<()> {
    let title = visible(&outcome.title());
    let attributes = [("classname", path), ("name", &*title), ("file", path), ("time", "0")];
    let case = writer.create_element("testcase").with_attributes(attributes);
    if outcome.passed() {
        case.write_empty()?;
        return Ok(());
    }
    let text = transcript(outcome);
    let message =
        if outcome.decision.is_ok() { "allowed, and must be refused" } else { "refused, and must be allowed" };
    case.write_inner_content(|writer| {
        let failure = writer.create_element("failure").with_attributes([("type", "test-failed"), ("message", message)]);
        failure.write_text_content(BytesText::new(text.trim_end()))?;
        Ok(())
    })?;
    Ok(())
}
