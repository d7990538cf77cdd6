//! A YAML document as a tree that remembers where everything stands.
//!
//! Plain scalars keep their source text (`017`, `N`, `0.10`), so that a bound or a set member is
//! read only once the column's type is known. Duplicate keys, aliases that multiply and deep
//! nesting are faults.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

use crate::diagnostic::{Code, Fault, Place};

const DEPTH_MAX: usize = 64;
const NODES_MAX: usize = 200_000;

/// Line and column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub fn in_file(self, file: &str) -> Place {
        Place { file: file.to_owned(), line: self.line, column: self.column }
    }
}

impl From<Marker> for Position {
    fn from(m: Marker) -> Self {
        Self { line: m.line() as u32, column: m.col() as u32 + 1 }
    }
}

/// A value and its position.
#[derive(Debug, Clone)]
pub struct Node {
    pub at: Position,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
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
    /// A fault at the place where the text stops being YAML, repeats a key or nests too deeply.
    pub fn parse(text: &str, file: &str) -> Result<Node, Fault> {
        let mut reader = Reader { parser: Parser::new_from_str(text), anchors: Vec::new(), nodes: 0, file };
        reader.document()
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

    /// A canonical text of the tree: equal trees give equal texts, whatever their layout and comments.
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
    anchors: Vec<(usize, Node)>,
    nodes: usize,
    file: &'a str,
}

impl Reader<'_> {
    fn fault(&self, at: Position, what: impl Into<String>) -> Fault {
        Fault::new(Code::InvalidYaml, what).at(at.in_file(self.file))
    }

    fn next(&mut self) -> Result<(Event<'static>, Position), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), span.start.into())),
            Some(Err(error)) => {
                let at = Position::from(*error.marker());
                Err(self.fault(at, format!("not YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Position { line: 1, column: 1 })),
        }
    }

    fn document(&mut self) -> Result<Node, Fault> {
        loop {
            let (event, at) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
                Event::StreamEnd | Event::DocumentEnd => {
                    return Ok(Node { at: Position { line: 1, column: 1 }, value: Value::Null });
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
                    return Err(self.fault(at, "a second document begins here").hint("one rule file holds one document"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'static>, at: Position, depth: usize) -> Result<Node, Fault> {
        self.count(1, at)?;
        if depth > DEPTH_MAX {
            return Err(self.fault(at, format!("nested more than {DEPTH_MAX} deep")));
        }
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let quoted = !matches!(style, ScalarStyle::Plain) || tag.is_some();
                let null = !quoted && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                let value = if null { Value::Null } else { Value::Scalar { text: text.into_owned(), quoted } };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => {
                let node = self.anchors.iter().rev().find(|(id, _)| *id == anchor).map(|(_, n)| n.clone());
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
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Sequence(items));
            }
            items.push(self.node(event, at, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, key_at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Mapping(entries));
            }
            let Event::Scalar(key, ..) = event else {
                return Err(self.fault(key_at, "a key must be a single value"));
            };
            let key = key.into_owned();
            if entries.iter().any(|e| e.key == key) {
                return Err(self.fault(key_at, format!("`{key}` stands twice")).hint("keep one of them"));
            }
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push(Entry { key, key_at, value });
        }
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), Fault> {
        self.nodes += more;
        if self.nodes > NODES_MAX {
            return Err(self.fault(at, format!("more than {NODES_MAX} values, aliases expanded")));
        }
        Ok(())
    }
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
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_keep_their_text() {
        let node = Node::parse("a: [017, N, 0.10, '1', ~]", "t").expect("valid");
        let Value::Sequence(items) = &node.get("a").expect("a").value.value else { unreachable!() };
        let texts: Vec<_> = items.iter().map(|i| i.text()).collect();
        assert_eq!(texts, [Some("017"), Some("N"), Some("0.10"), Some("1"), None]);
        assert_eq!(items[1].at, Position { line: 1, column: 10 });
    }

    #[test]
    fn repeated_keys_and_multiplying_aliases_are_faults() {
        let twice = Node::parse("a: 1\nb: 2\na: 3\n", "r.yaml").expect_err("fault");
        assert_eq!(twice.to_string(), "r.yaml:3:1: `a` stands twice; keep one of them");
        let mut bomb = String::from("l0: &l0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let prev = format!("*l{},", i - 1).repeat(10);
            bomb.push_str(&format!("l{i}: &l{i} [{prev}]\n"));
        }
        assert!(Node::parse(&bomb, "b").expect_err("fault").what.contains("aliases expanded"));
    }
}
