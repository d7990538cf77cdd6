//! A YAML document as a tree that remembers where everything stands.
//!
//! Plain scalars keep their source text (`017`, `N`, `0.10`), so that a bound or a set member is
//! read only once the column's type is known. Duplicate keys, aliases that multiply and deep
//! nesting are faults.

use foldhash::{HashMap, HashMapExt};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::invalid;
use super::position::{FileName, Position};
use super::variable;
use crate::diagnostic::{Code, Fault, Faults};

const DEPTH_MAX: usize = 64;
const NODES_MAX: usize = 200_000;
/// Wrong escapes after which reading stops.
const ESCAPES_MAX: usize = 50;

/// A value and its position.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub at: Position,
    pub value: Value,
}

#[derive(Debug, Clone, Default)]
pub enum Value {
    #[default]
    Null,
    /// A scalar's text; `quoted` scalars are always strings.
    Scalar {
        text: String,
        quoted: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_at: Position,
    pub value: Node,
}

impl Node {
    /// Reads the single document in `text`.
    ///
    /// # Errors
    /// A fault at each place where the text repeats a key, or uses an escape that there is none of, and where it stops being
    /// YAML or nests too deeply.
    pub fn parse(text: &str, file: &str) -> Result<Node, Faults> {
        match Self::read(text, file) {
            (Some(node), faults) => faults.or_ok(node),
            (None, faults) => Err(faults),
        }
    }

    /// The document as far as it can be read, and what is wrong with it: of a key that stands twice, the first counts.
    pub fn read(text: &str, file: &str) -> (Option<Node>, Faults) {
        let mut faults = Faults::default();
        let mut text = variable::hidden(text);
        loop {
            let mut reader = Reader {
                parser: Parser::new_from_str(&text),
                anchors: HashMap::new(),
                nodes: 0,
                file,
                text: &text,
                twice: Vec::new(),
                escape: None,
            };
            match (reader.document(), reader.escape) {
                (Ok(node), _) => {
                    faults.extend(reader.twice);
                    return (Some(node), faults);
                }
                // So that one mistake of a common kind hides no other: with the backslash doubled it is text.
                (Err(fault), Some(at)) if faults.0.len() < ESCAPES_MAX => {
                    faults.push(variable::shown_in(fault));
                    let mended = format!("{}\\{}", &text[..at], &text[at..]);
                    text = mended.into();
                }
                (Err(fault), _) => {
                    faults.extend(reader.twice);
                    faults.push(variable::shown_in(fault));
                    return (None, faults);
                }
            }
        }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            Value::Null | Value::Scalar { .. } | Value::Sequence(_) => &[],
        }
    }

    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|e| e.key == key)
    }

    /// The scalar's text.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What kind of thing stands here, as a person would say it.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    /// The same tree, as it stands in the included file called so.
    #[must_use]
    pub fn within(mut self, file: FileName) -> Self {
        self.place(&|at| at.file = file);
        self
    }

    /// Gives each part its place anew.
    pub fn place(&mut self, place: &dyn Fn(&mut Position)) {
        place(&mut self.at);
        match &mut self.value {
            Value::Null | Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter_mut().for_each(|item| item.place(place)),
            Value::Mapping(entries) => entries.iter_mut().for_each(|entry| {
                place(&mut entry.key_at);
                entry.value.place(place);
            }),
        }
    }

    /// A canonical text of the tree: equal trees give equal texts, whatever their layout and comments. Only its digest is
    /// kept, in stamps of batches too, so its escapes must stay what they are.
    pub fn canonical(&self, out: &mut String) {
        match &self.value {
            Value::Null => out.push('~'),
            Value::Scalar { text, quoted } => {
                out.push_str(if *quoted { "q" } else { "p" });
                out.push_str(&format!("{text:?}"));
            }
            Value::Sequence(items) => {
                out.push('[');
                for item in items {
                    item.canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Value::Mapping(entries) => {
                out.push('{');
                for entry in entries {
                    out.push_str(&format!("{:?}:", entry.key));
                    entry.value.canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    file: &'a str,
    text: &'a str,
    /// Keys that stand twice.
    twice: Vec<Fault>,
    /// The byte of a backslash that begins no escape, where that is why reading stopped.
    escape: Option<usize>,
}

impl Reader<'_> {
    fn fault(&self, at: Position, what: impl Into<String>) -> Fault {
        Fault::new(Code::InvalidYaml, what).at(at.in_file(self.file))
    }

    fn next(&mut self) -> Result<(Event<'static>, Position), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), span.into())),
            Some(Err(error)) => {
                let at = Position::from(Span::empty(*error.marker()));
                self.escape = invalid::unknown_escape(error.info(), self.text, at);
                Err(invalid::fault(error.info(), self.text, at, self.file))
            }
            None => Ok((Event::StreamEnd, Position::START)),
        }
    }

    fn document(&mut self) -> Result<Node, Fault> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    return Ok(Node { at: Position::START, value: Value::Null });
                }
                Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd => {
                    let node = self.node(event, at, 0)?;
                    self.end_of_stream()?;
                    return Ok(node);
                }
            }
        }
    }

    fn end_of_stream(&mut self) -> Result<(), Fault> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    return Err(self
                        .fault(at, "a second document begins here")
                        .hint("one rule file holds one document: remove the `---`, or make two files"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'static>, mut at: Position, depth: usize) -> Result<Node, Fault> {
        self.count(1, at)?;
        if depth > DEPTH_MAX {
            return Err(self.fault(at, format!("nested more than {DEPTH_MAX} deep")));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = !matches!(style, ScalarStyle::Plain) || tag.is_some();
                let null = !quoted && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar { text: variable::shown(text.into_owned()), quoted } };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => {
                let (items, close) = self.sequence(depth)?;
                at = end_of(at, close, items.last().map(|item| item.at));
                (Value::Sequence(items), anchor)
            }
            Event::MappingStart(anchor, _) => {
                let (entries, close) = self.mapping(depth)?;
                at = end_of(at, close, entries.last().map(|entry| entry.key_at.to(entry.value.at)));
                (Value::Mapping(entries), anchor)
            }
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or_else(|| self.fault(at, "an alias to something not yet complete"))?;
                self.count(size(&node), at)?;
                return Ok(Node { at, value: node.value });
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(self.fault(at, "not YAML: the document stops short")),
        };
        let node = Node { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The items, and where the list is closed.
    fn sequence(&mut self, depth: usize) -> Result<(Vec<Node>, Position), Fault> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, at));
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    /// The entries, and where the mapping is closed.
    fn mapping(&mut self, depth: usize) -> Result<(Vec<Entry>, Position), Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        loop {
            let (event, key_at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, key_at));
            }
            let Event::Scalar(key, ..) = event else {
                return Err(self.odd_key(key_at));
            };
            let key = variable::shown(key.into_owned());
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            match seen.get(&key) {
                Some(&first) => {
                    let what = format!("`{key}` stands twice here, first on line {}", entries[first].key_at.line);
                    let fault = self.fault(key_at, what).hint("keep one of them");
                    self.twice.push(fault);
                }
                None => {
                    seen.insert(key.clone(), entries.len());
                    entries.push(Entry { key, key_at, value });
                }
            }
        }
    }

    /// A key that is a mapping or a list: most often `{{ … }}` of a template.
    fn odd_key(&self, at: Position) -> Fault {
        let line = self.text.lines().nth(at.line as usize - 1).unwrap_or_default();
        let (what, hint) = match line.contains("{{") {
            true => invalid::template(line),
            false => ("a key must be a single text".into(), "write `name: value`".into()),
        };
        self.fault(at, what).hint(hint)
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), Fault> {
        self.nodes += more;
        if self.nodes > NODES_MAX {
            return Err(self.fault(at, format!("more than {NODES_MAX} values, aliases expanded")));
        }
        Ok(())
    }
}

/// From where a list or mapping begins to where it ends: at its bracket, or behind its last part where it has none.
fn end_of(begin: Position, close: Position, last: Option<Position>) -> Position {
    let has_bracket = (close.line, close.column) != (close.end_line, close.end_column);
    if has_bracket { begin.to(close) } else { last.map_or(begin, |last| begin.to(last)) }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar { .. } => 0,
        Value::Sequence(items) => items.iter().map(size).sum(),
        Value::Mapping(entries) => entries.iter().map(|e| size(&e.value)).sum(),
    }
}

/// The event without its borrow of the parser; tags are kept only as "there was one".
fn owned(event: Event<'_>) -> Event<'static> {
    use std::borrow::Cow;
    match event {
        Event::Nothing => Event::Nothing,
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(explicit) => Event::DocumentStart(explicit),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(anchor) => Event::Alias(anchor),
        Event::Scalar(text, style, anchor, tag) => {
            let tag = tag.map(|t| Cow::Owned(t.into_owned()));
            Event::Scalar(Cow::Owned(text.into_owned()), style, anchor, tag)
        }
        Event::SequenceStart(anchor, _) => Event::SequenceStart(anchor, None),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingStart(anchor, _) => Event::MappingStart(anchor, None),
        Event::MappingEnd => Event::MappingEnd,
    }
}

#[cfg(test)]
mod tests;
