//! The fields of a text log line, as the library writes them, without its detour for plain texts.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// Writes fields as `name=value`, texts in quotes.
#[derive(Debug, Default)]
pub(super) struct Fields(DefaultFields);

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        if writer.has_ansi_escapes() {
            return self.0.format_fields(writer, fields);
        }
        let mut line = Line { writer, is_empty: true, result: Ok(()) };
        fields.record(&mut line);
        line.result
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    is_empty: bool,
    result: fmt::Result,
}

impl Line<'_> {
    fn name(&mut self, field: &Field) -> fmt::Result {
        if !std::mem::take(&mut self.is_empty) {
            self.writer.write_char(' ')?;
        }
        match field.name() {
            "message" => Ok(()),
            name => {
                self.writer.write_str(name.strip_prefix("r#").unwrap_or(name))?;
                self.writer.write_char('=')
            }
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if field.name() == "message" {
            return self.record_debug(field, &format_args!("{value}"));
        }
        if !value.bytes().all(is_plain) {
            return self.record_debug(field, &value);
        }
        let written = self.result.and_then(|()| self.name(field)).and_then(|()| {
            self.writer.write_char('"')?;
            self.writer.write_str(value)?;
            self.writer.write_char('"')
        });
        self.result = written;
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = self.result.and_then(|()| self.name(field));
        self.result = written.and_then(|()| write!(self.writer, "{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Out(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Out {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines() {
        let (text, error) = (String::from("owned"), io::Error::other("torn \"cable\"\n"));
        tracing::info!(plain = "a b-c/d", text, quoted = "say \"no\"", back = r"a\b", broken = "a\nb\u{1b}[0m", "told");
        tracing::warn!(r#type = "x", number = 7_u64, flag = true, nothing = "", shown = %error, error = ?error);
        tracing::info!("only {}", "words");
        tracing::info!(umlaut = "ä");
    }

    #[test]
    fn lines_are_those_of_the_library() {
        let [ours, theirs] = [Out::default(), Out::default()];
        let layer = fmt::layer().without_time().with_ansi(false);
        let out = ours.clone();
        let subscriber = tracing_subscriber::registry().with(
            fmt::layer().without_time().with_ansi(false).fmt_fields(Fields::default()).with_writer(move || out.clone()),
        );
        tracing::subscriber::with_default(subscriber, lines);
        let out = theirs.clone();
        tracing::subscriber::with_default(
            tracing_subscriber::registry().with(layer.with_writer(move || out.clone())),
            lines,
        );
        let [ours, theirs] = [ours, theirs].map(|out| String::from_utf8(out.0.lock().unwrap().clone()).unwrap());
        assert_eq!(ours, theirs);
        assert!(ours.contains(r#"plain="a b-c/d" text="owned""#), "{ours}");
    }
}
