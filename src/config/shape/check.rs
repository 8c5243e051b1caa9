//! Compares a tree with a shape and reports every difference.

use std::fmt;

use super::super::codes;
use super::super::report::{Report, is_variable, is_word, nearest, one_of, shown};
use super::super::yaml::{Node, Value};
use super::{Choice, Key, Object, Shape, Typed};
use crate::diagnostic::Span;

/// Compares a file's tree with its shape. `complete` is `false` where the text could not be read to its
/// end: what is missing then may stand in the part that is not known.
pub(in super::super) fn check(root: &Node<'_>, shape: &'static Shape, complete: bool, report: &mut Report) {
    let start = Span { start: root.span.start, end: root.span.start };
    Checker { complete, report }.value(root, shape, start, Name::Known("the file"));
}

/// What a value is called in a message; written only where there is one.
#[derive(Debug, Clone, Copy)]
enum Name<'a> {
    /// By these words.
    Known(&'static str),
    /// By its key.
    Key(&'a str),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(words) => f.write_str(words),
            Self::Key(word) => write!(f, "`{}`", shown(word)),
        }
    }
}

struct Checker<'r> {
    complete: bool,
    report: &'r mut Report,
}

impl Checker<'_> {
    /// `at` is where a value of nothing is shown: its key.
    fn value(&mut self, node: &Node<'_>, shape: &'static Shape, at: Span, name: Name<'_>) {
        if node.is_unknown() {
            // A password that begins with `*` reads as an alias.
            self.unchecked(node, shape.holds_secrets());
            return;
        }
        if matches!(node.value, Value::Scalar(_)) && !shape.takes_secret() {
            self.report.show([node.span]);
        }
        match shape {
            Shape::Text | Shape::Permission => {
                self.report.hide_user_info(node, false);
                if node.string().is_none() {
                    self.wrong_type(node, shape, at, name);
                }
            }
            Shape::Password => {
                self.report.secrets.push(node.span);
                if is_reference(node) {
                    self.report
                        .add(codes::SECRET_NOT_ALLOWED, node.span, format!("{name} cannot come from elsewhere"))
                        .help("write the password's hash in place: `portolan hash` makes one");
                } else if node.string().is_none() {
                    self.wrong_type(node, shape, at, name);
                }
            }
            Shape::Secret => self.secret(node, shape, at, name),
            Shape::Boolean => {
                if node.boolean().is_none() {
                    self.wrong_type(node, shape, at, name);
                }
            }
            Shape::Integer { min, max } => match node.integer() {
                None => self.wrong_type(node, shape, at, name),
                Some(number) if number < *min || number > *max => {
                    self.report
                        .add(codes::OUT_OF_RANGE, node.span, format!("{name} must be {min} to {max}"))
                        .help("choose a value between the two");
                }
                Some(_) => {}
            },
            Shape::Choice(choice) => match node.string() {
                None => self.wrong_type(node, shape, at, name),
                Some(word) => self.choice(node, word, choice, name),
            },
            Shape::List(item) | Shape::Filled(item) => match node.items() {
                None => self.wrong_type(node, shape, at, name),
                Some(items) => self.items(node, items, item, matches!(shape, Shape::Filled(_)), at, name),
            },
            Shape::OneOrMore(item) => match &node.value {
                Value::Sequence(items) => self.items(node, items, item, true, at, name),
                Value::Scalar(_) if !node.is_null() => self.value(node, item, at, name),
                Value::Scalar(_) | Value::Mapping(_) => self.wrong_type(node, shape, at, name),
            },
            Shape::Map { value, .. } => match node.pairs() {
                None => self.wrong_type(node, shape, at, name),
                Some(pairs) => {
                    for (key, entry) in pairs {
                        // In `{jane: {…}, PASSWORD}` what looks like a name is none.
                        let name = match key.text() {
                            Some(word) if is_word(word) || entry.pairs().is_some() || !value.holds_secrets() => {
                                self.report.show([key.span]);
                                Name::Key(word)
                            }
                            _ => {
                                self.unchecked(key, true);
                                Name::Known("this entry")
                            }
                        };
                        self.value(entry, value, key.span, name);
                    }
                }
            },
            Shape::Object(object) => match node.pairs() {
                None => self.wrong_type(node, shape, at, name),
                Some(pairs) => self.object(pairs, object, None, at, name),
            },
            Shape::Typed(typed) => match node.pairs() {
                None => self.wrong_type(node, shape, at, name),
                Some(pairs) => self.typed(node, pairs, typed, at, name),
            },
            Shape::Either { scalar, mapping } => match &node.value {
                Value::Mapping(_) => self.value(node, mapping, at, name),
                Value::Scalar(_) if node.string().is_some() => self.value(node, scalar, at, name),
                _ => self.wrong_type(node, shape, at, name),
            },
        }
    }

    /// `list` holds the `items`; `filled` tells that there must be some.
    fn items(
        &mut self,
        list: &Node<'_>,
        items: &[Node<'_>],
        shape: &'static Shape,
        filled: bool,
        at: Span,
        name: Name<'_>,
    ) {
        if filled && items.is_empty() {
            self.report
                .add(codes::EMPTY_LIST, list.span, format!("{name} is an empty list, which says nothing"))
                .help("write what is meant, or take the whole entry away");
        }
        for item in items {
            // What an item lacks is shown where it begins.
            let is_written_null = item.is_null() && item.span.start < item.span.end;
            let own = is_written_null.then_some(item.span);
            let at = own.or(item.pairs().and_then(<[_]>::first).map(|(key, _)| key.span)).unwrap_or(at);
            self.value(item, shape, at, Name::Known("an item of the list"));
        }
    }

    fn secret(&mut self, node: &Node<'_>, shape: &'static Shape, at: Span, name: Name<'_>) {
        match &node.value {
            Value::Mapping(pairs) => {
                let is_good = match pairs.as_slice() {
                    [(key, value)] => value.string().is_some_and(|text| match key.text() {
                        // What is no name may be the secret itself.
                        Some("env") => is_variable(text),
                        Some("file") => !text.is_empty(),
                        _ => false,
                    }),
                    _ => false,
                };
                if is_good {
                    self.report.show(pairs.iter().flat_map(|(key, value)| [key.span, value.span]));
                } else {
                    self.report.secrets.push(node.span);
                    self.report
                        .add(codes::BAD_SECRET, node.span, format!("{name} is no reference to a secret"))
                        .help("write `{env: NAME}` or `{file: PATH}`");
                }
            }
            _ => {
                self.report.secrets.push(node.span);
                if node.string().is_none() {
                    self.wrong_type(node, shape, at, name);
                }
            }
        }
    }

    fn choice(&mut self, node: &Node<'_>, word: &str, choice: &'static Choice, name: Name<'_>) {
        if choice.values.contains(&word) {
            return;
        }
        if let Some(code) = choice.later_code.filter(|_| choice.later.contains(&word)) {
            self.report
                .add(code, node.span, format!("`{word}` is not served by this version"))
                .help(format!("write {}", one_of(choice.values.iter().copied())));
            return;
        }
        let instead = choice.instead.iter().find(|(other, _)| *other == word).map(|(_, instead)| *instead);
        let help = match instead.or_else(|| nearest(word, choice.values.iter().copied())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", one_of(choice.values.iter().copied())),
        };
        if !self.complete && !is_word(word) {
            // What broke off the reading may have run into this text.
            self.unchecked(node, false);
            return;
        }
        // `type: plain:PASSWORD`; no choice of a file that holds secrets has many digits, and many passwords do.
        let is_like_secret = !is_word(word) || word.bytes().any(|b| b.is_ascii_digit());
        let message = if self.report.guarded && is_like_secret {
            self.report.secrets.push(node.span);
            format!("{name} cannot be this")
        } else {
            format!("{name} cannot be `{}`", shown(word))
        };
        self.report.add(codes::UNKNOWN_VALUE, node.span, message).help(help);
    }

    fn typed(
        &mut self,
        node: &Node<'_>,
        pairs: &[(Node<'_>, Node<'_>)],
        typed: &'static Typed,
        at: Span,
        name: Name<'_>,
    ) {
        let variant = node.get("type").and_then(Node::string);
        let variant = variant.and_then(|word| typed.variants.iter().find(|(variant, _, _)| *variant == word));
        if let Some((_, _, object)) = variant {
            self.object(pairs, object, Some("type"), at, name);
            return;
        }
        for (key, value) in pairs.iter().filter(|(key, _)| key.text() != Some("type")) {
            self.unchecked(value, true);
            self.report.show([key.span]);
        }
        let Some((key, kind)) = node.pair("type") else {
            let first = typed.types.values.first().copied().unwrap_or_default();
            self.missing(at, name, "type", &format!("for instance `type: {first}`"));
            return;
        };
        self.report.show([key.span]);
        match kind.string() {
            Some(word) => {
                self.report.show([kind.span]);
                self.choice(kind, word, typed.types, Name::Key("type"));
            }
            None => self.wrong_type(kind, &Shape::Text, key.span, Name::Key("type")),
        }
    }

    /// `besides` is a key that was checked before.
    fn object(
        &mut self,
        pairs: &[(Node<'_>, Node<'_>)],
        object: &'static Object,
        besides: Option<&'static str>,
        at: Span,
        name: Name<'_>,
    ) {
        // Required keys of which it is told that they are misspelt are not told of again.
        let mut meant = Vec::new();
        for (key, value) in pairs {
            let Some(word) = key.text() else {
                // A key that is no word was reported by the reader.
                self.unchecked(key, object.holds_secrets());
                self.unchecked(value, object.holds_secrets());
                continue;
            };
            if besides == Some(word) {
                self.report.show([key.span, value.span]);
                continue;
            }
            match object.key(word) {
                Some(known) => {
                    self.report.show([key.span]);
                    if !(known.may_be_empty && value.is_null()) {
                        self.value(value, &known.shape, key.span, Name::Key(word));
                    }
                }
                None => meant.extend(self.unknown_key(key, word, value, object, besides)),
            }
        }
        for key in object.keys.iter().filter(|key| key.required) {
            if !meant.contains(&key.name) && !pairs.iter().any(|(name, _)| name.text() == Some(key.name)) {
                self.missing(at, name, key.name, key.doc);
            }
        }
        let mut choices = object.keys.iter().filter(|key| key.any_of).peekable();
        let is_there =
            |key: &Key| meant.contains(&key.name) || pairs.iter().any(|(name, _)| name.text() == Some(key.name));
        if self.complete && choices.peek().is_some() && !choices.clone().any(is_there) {
            let names = one_of(choices.map(|key| key.name));
            self.report
                .add(codes::MISSING_KEY, at, format!("{name} has neither of its keys {names}"))
                .help(format!("add {names}, or both"));
        }
    }

    /// Gives the key that was probably meant.
    fn unknown_key(
        &mut self,
        key: &Node<'_>,
        word: &str,
        value: &Node<'_>,
        object: &'static Object,
        besides: Option<&'static str>,
    ) -> Option<&'static str> {
        let names = object.keys.iter().map(|key| key.name).chain(besides);
        let near = nearest(word, names.clone());
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
        };
        // Where a password was meant to stand, what looks like a key may be one.
        let guarded = self.report.guarded || object.holds_secrets();
        self.unchecked(value, guarded);
        if guarded {
            // What stands between the key and a value on further lines is not shown, either.
            self.report.secrets.push(Span { start: key.span.end, end: key.span.end });
        }
        // No key has digits, and many passwords do.
        let is_key = is_word(word) && !word.bytes().any(|b| b.is_ascii_digit());
        let may_show = !guarded || is_key && !value.is_null();
        self.note(key.span, may_show);
        let message = if may_show { format!("unknown key `{}`", shown(word)) } else { "unknown key".to_owned() };
        self.report.add(codes::UNKNOWN_KEY, key.span, message).help(help);
        near
    }

    /// A value of which nobody knows what it was meant to be.
    fn unchecked(&mut self, value: &Node<'_>, may_hold_secret: bool) {
        let may_show = !may_hold_secret && !self.report.guarded;
        self.note(value.span, may_show);
    }

    fn note(&mut self, span: Span, may_show: bool) {
        match may_show {
            true => self.report.show([span]),
            false => self.report.secrets.push(span),
        }
    }

    fn missing(&mut self, at: Span, name: Name<'_>, key: &str, doc: &str) {
        if self.complete {
            let doc = doc.trim_end_matches('.');
            self.report
                .add(codes::MISSING_KEY, at, format!("{name} has no `{key}`"))
                .help(format!("add `{key}`: {doc}"));
        }
    }

    fn wrong_type(&mut self, node: &Node<'_>, shape: &'static Shape, at: Span, name: Name<'_>) {
        let is_scalar = matches!(node.value, Value::Scalar(_));
        let ran_on = !self.complete && is_scalar && !node.text().is_some_and(is_word);
        if shape.holds_secrets() || !is_scalar {
            self.unchecked(node, shape.holds_secrets() && !ran_on);
        }
        if ran_on || !self.complete && (node.is_null() || !is_scalar) {
            return;
        }
        let wanted = describe(shape);
        let span = if node.is_null() { at } else { node.span };
        let message = format!("{name} must be {wanted}, and is {}", node.describe());
        let help = match shape {
            Shape::Text | Shape::Password | Shape::Permission if is_scalar && !node.is_null() => {
                Some("put it in quotes".to_owned())
            }
            Shape::Text if is_reference(node) => {
                Some("only secrets can come from the environment or a file: write the value in place".to_owned())
            }
            Shape::List(Shape::Object(_) | Shape::Typed(_) | Shape::Map { .. })
            | Shape::Filled(Shape::Object(_) | Shape::Typed(_) | Shape::Map { .. }) => {
                Some("write a list below it: each item begins with `- `, and holds keys and values".to_owned())
            }
            Shape::List(_) | Shape::Filled(_) if is_scalar && !node.is_null() => match node.text() {
                Some(word) if is_word(word) => Some(format!("write it as a list: `[{word}]`")),
                _ => Some("write it as a list, in `[` and `]`".to_owned()),
            },
            Shape::List(_) if node.is_null() => Some("write an empty list as `[]`".to_owned()),
            Shape::Map { .. } | Shape::Object(_) if node.is_null() => Some("write an empty mapping as `{}`".to_owned()),
            Shape::Map { .. } | Shape::Object(_) | Shape::Typed(_) if is_scalar => {
                Some("write keys and values below it, indented".to_owned())
            }
            Shape::Boolean if node.string().is_some() => Some("write `true` or `false`, without quotes".to_owned()),
            Shape::Integer { .. } if node.string().is_some() => Some("write the number without quotes".to_owned()),
            _ => None,
        };
        self.report.add(codes::WRONG_TYPE, span, message).help(help.unwrap_or_else(|| format!("write {wanted}")));
    }
}

/// Whether it looks like a reference to a secret.
fn is_reference(node: &Node<'_>) -> bool {
    node.pairs().is_some_and(|pairs| matches!(pairs, [(key, _)] if matches!(key.text(), Some("env" | "file"))))
}

fn describe(shape: &Shape) -> &'static str {
    match shape {
        Shape::Text | Shape::Password => "a text",
        Shape::Permission => "an operation",
        Shape::Secret => "a text, `{env: NAME}` or `{file: PATH}`",
        Shape::Boolean => "`true` or `false`",
        Shape::Integer { .. } => "a whole number",
        Shape::Choice(_) => "a word",
        Shape::List(_) | Shape::Filled(_) => "a list",
        Shape::OneOrMore(_) => "a text or a list",
        Shape::Map { .. } | Shape::Object(_) | Shape::Typed(_) => "a mapping",
        Shape::Either { .. } => "a text or a mapping",
    }
}
