//! Diagnostics as a JUnit report, which Jenkins, GitLab and others show as failed tests: a case for each file.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use crate::diagnostic::{Diagnostic, Severity};

use super::{Paths, Secrets, Sources, Summary, human_at, visible};

/// Renders a case for each text and for each other file that is named. A file with errors fails, and one with
/// warnings where they are denied; warnings that do not count stand in the case's output.
pub(in crate::cli) fn junit(
    diagnostics: &[Diagnostic],
    sources: &Sources,
    secrets: &Secrets,
    paths: &Paths,
    warnings_count: bool,
) -> String {
    let mut cases: BTreeMap<&str, Vec<Diagnostic>> = sources.keys().map(|file| (&**file, Vec::new())).collect();
    for found in diagnostics {
        cases.entry(&found.primary.place.file).or_default().push(found.clone());
    }
    let fails = |found: &Diagnostic| found.severity == Severity::Error || warnings_count && !found.timely;
    let failures = cases.values().filter(|of_file| of_file.iter().any(fails)).count();
    let (tests, failures) = (cases.len().to_string(), failures.to_string());
    let counts = [("tests", &*tests), ("failures", &*failures), ("errors", "0"), ("skipped", "0"), ("time", "0")];
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    let written = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).and_then(|()| {
        let suites = writer.create_element("testsuites").with_attribute(("name", "portolan"));
        suites.with_attributes(counts).write_inner_content(|writer| {
            let suite = writer.create_element("testsuite").with_attribute(("name", "portolan check"));
            suite.with_attributes(counts).write_inner_content(|writer| {
                for (file, of_file) in &cases {
                    let text = human_at(of_file, sources, secrets, paths, false);
                    case(
                        writer,
                        &visible(&paths.of(file)),
                        of_file,
                        text.trim_end(),
                        of_file.iter().find(|found| fails(found)),
                    )?;
                }
                Ok(())
            })?;
            Ok(())
        })?;
        Ok(())
    });
    // Writing to memory cannot fail, and all that is written is UTF-8.
    let bytes = if written.is_ok() { writer.into_inner() } else { Vec::new() };
    String::from_utf8(bytes).unwrap_or_default() + "\n"
}

/// `text` is what people see of all that is wrong with the file, and `failing` the first that counts.
fn case(
    writer: &mut Writer<Vec<u8>>,
    path: &str,
    of_file: &[Diagnostic],
    text: &str,
    failing: Option<&Diagnostic>,
) -> io::Result<()> {
    let attributes = [("classname", "portolan check"), ("name", path), ("file", path), ("time", "0")];
    let case = writer.create_element("testcase").with_attributes(attributes);
    match failing {
        None if of_file.is_empty() => case.write_empty()?,
        None => case.write_inner_content(|writer| {
            writer.create_element("system-out").write_text_content(BytesText::new(text))?;
            Ok(())
        })?,
        Some(first) => case.write_inner_content(|writer| {
            let Summary { errors, warnings, .. } = Summary::of(of_file, 1);
            let message = match errors + warnings {
                1 => visible(&first.message),
                count => format!("{} (and {} more)", visible(&first.message), count - 1),
            };
            let failure = writer.create_element("failure").with_attribute(("type", first.code));
            failure.with_attribute(("message", &*message)).write_text_content(BytesText::new(text))?;
            Ok(())
        })?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Label, Place, Span};

    #[test]
    fn a_file_that_counts_fails() {
        let found = |severity, file: &str| Diagnostic {
            code: "x",
            severity,
            timely: false,
            message: "a < \"b\" & c\u{1b}".to_owned(),
            primary: Label {
                place: Place { file: file.into(), span: Some(Span { start: 0, end: 1 }) },
                text: String::new(),
            },
            secondary: vec![],
            help: None,
            left_out: 0,
        };
        let sources: Sources = ["a.yaml", "b.yaml", "c.yaml"].map(|file| (file.into(), "<a>: 1\n".into())).into();
        let secrets: Secrets = sources.keys().map(|file| (file.clone(), Vec::new())).collect();
        let all = [found(Severity::Error, "a.yaml"), found(Severity::Warning, "b.yaml")];
        let text = junit(&all, &sources, &secrets, &Paths::new("config/"), false);
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="portolan" tests="3" failures="1" errors="0" skipped="0" time="0">
          <testsuite name="portolan check" tests="3" failures="1" errors="0" skipped="0" time="0">
            <testcase classname="portolan check" name="config/a.yaml" file="config/a.yaml" time="0">
              <failure type="x" message="a &lt; &quot;b&quot; &amp; c\u{1b}">error[x]: a &lt; &quot;b&quot; &amp; c\u{1b}
         --&gt; config/a.yaml:1:1
          |
        1 | &lt;a&gt;: 1
          | ^</failure>
            </testcase>
            <testcase classname="portolan check" name="config/b.yaml" file="config/b.yaml" time="0">
              <system-out>warning[x]: a &lt; &quot;b&quot; &amp; c\u{1b}
         --&gt; config/b.yaml:1:1
          |
        1 | &lt;a&gt;: 1
          | ^</system-out>
            </testcase>
            <testcase classname="portolan check" name="config/c.yaml" file="config/c.yaml" time="0"/>
          </testsuite>
        </testsuites>
        "#);
        let denied = junit(&all, &sources, &secrets, &Paths::default(), true);
        assert!(denied.contains("failures=\"2\"") && !denied.contains("system-out"), "{denied}");
    }
}
