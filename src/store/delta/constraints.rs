//! Conditions of a table, which are Spark's SQL, as our own: the part of the language that means the same in both.
//!
//! Names are found in any case, text stands in either kind of quotes, and names in backticks. Arithmetic that may
//! overflow or round, functions and casts mean other things in other engines, so they are not taken over.

use arrow::datatypes::{DataType, Schema};

/// Words that mean the same in both.
const WORDS: [&str; 10] = ["AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "LIKE", "TRUE", "FALSE"];

/// Functions of one column that mean the same in both, what they are called here, and what they give.
const FUNCTIONS: [(&str, &str, DataType); 3] = [
    ("length", "character_length", DataType::Int64),
    ("char_length", "character_length", DataType::Int64),
    ("character_length", "character_length", DataType::Int64),
];

/// `text` as SQL of ours over a table of the columns `schema`.
///
/// # Errors
/// What in it is not known to mean the same.
pub(super) fn translated(text: &str, schema: &Schema) -> Result<String, String> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err("it is empty".into());
    }
    let mut writing = Writing { out: Vec::with_capacity(tokens.len()), operand: None, called: None, is_between: false };
    for (at, token) in tokens.iter().enumerate() {
        let is_behind_dot = at > 0 && tokens[at - 1] == Token::Symbol(".");
        let is_call = tokens.get(at + 1) == Some(&Token::Symbol("("));
        writing.token(token, schema, is_behind_dot, is_call)?;
    }
    Ok(writing.out.join(" ").replace(" . ", "."))
}

/// What a value is compared as. Between two kinds every engine has casts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Day,
    Other,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            t if t.is_numeric() => Self::Number,
            DataType::Utf8 => Self::Text,
            DataType::Date32 => Self::Day,
            _ => Self::Other,
        }
    }
}

struct Writing {
    out: Vec<String>,
    /// The last column of this comparison.
    operand: Option<DataType>,
    /// What the function gives whose argument is being written.
    called: Option<DataType>,
    /// Whether the next AND is one of BETWEEN.
    is_between: bool,
}

impl Writing {
    fn token(&mut self, token: &Token, schema: &Schema, is_behind_dot: bool, is_call: bool) -> Result<(), String> {
        let written = match token {
            Token::Name { text, quoted: false } if !is_behind_dot && is_word(text) => self.word(&text.to_uppercase()),
            Token::Name { text, quoted: false } if is_call => {
                let known = FUNCTIONS.iter().find(|(name, ..)| name.eq_ignore_ascii_case(text));
                let (_, ours, gives) = known.ok_or_else(|| format!("it calls `{text}`"))?;
                self.called = Some(gives.clone());
                (*ours).to_owned()
            }
            Token::Name { text, .. } => {
                let columns = match (&self.operand, is_behind_dot) {
                    (Some(DataType::Struct(fields)), true) => fields,
                    (_, true) => return Err(format!("`{text}` lies in no struct")),
                    (_, false) => schema.fields(),
                };
                let exact = columns.iter().find(|f| f.name() == text);
                let found = exact.or_else(|| columns.iter().find(|f| f.name().eq_ignore_ascii_case(text)));
                let found = found.ok_or_else(|| format!("it names `{text}`, which is no column"))?.clone();
                match &self.operand {
                    Some(before) if !is_behind_dot && Kind::of(before) != Kind::of(found.data_type()) => {
                        return Err(format!("it compares `{text}` with a value of another type"));
                    }
                    _ => self.operand = Some(found.data_type().clone()),
                }
                quoted(found.name())
            }
            Token::Text(text) => self.value(text, &[Kind::Text, Kind::Day], format!("'{}'", text.replace('\'', "''")))?,
            Token::Number(number) => self.value(number, &[Kind::Number], number.clone())?,
            Token::Symbol(symbol) => {
                if *symbol == ")"
                    && let Some(gives) = self.called.take()
                {
                    self.operand = Some(gives);
                }
                (*symbol).to_owned()
            }
        };
        self.out.push(written);
        Ok(())
    }

    fn word(&mut self, word: &str) -> String {
        match word {
            "BETWEEN" => self.is_between = true,
            "AND" if self.is_between => self.is_between = false,
            "AND" | "OR" => self.operand = None,
            _ => {}
        }
        word.to_owned()
    }

    fn value(&self, text: &str, kinds: &[Kind], written: String) -> Result<String, String> {
        match &self.operand {
            None => Err(format!("the value `{text}` stands before the column it is compared with")),
            Some(operand) if kinds.contains(&Kind::of(operand)) => Ok(written),
            Some(_) => Err(format!("it compares `{text}` with a column of another type")),
        }
    }
}

fn is_word(text: &str) -> bool {
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[derive(Debug, PartialEq)]
enum Token {
    Name { text: String, quoted: bool },
    Text(String),
    Number(String),
    Symbol(&'static str),
}

/// Signs that mean the same in both; the longer ones first. A minus is taken before a number only.
const SYMBOLS: [&str; 12] = ["<>", "!=", "<=", ">=", "==", "=", "<", ">", "(", ")", ",", "."];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let before = rest;
        if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Name { text: rest[..end].to_owned(), quoted: false });
            rest = &rest[end..];
        } else if first.is_ascii_digit() || (first == '-' && is_sign(&tokens) && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let end = 1 + rest[1..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len() - 1);
            if rest[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_') {
                return Err(format!("`{}` is no plain number", rest.split_whitespace().next().unwrap_or_default()));
            }
            tokens.push(Token::Number(rest[..end].to_owned()));
            rest = &rest[end..];
        } else if matches!(first, '\'' | '"' | '`') {
            let (inner, behind) = until_quote(&rest[1..], first)?;
            tokens.push(if first == '`' { Token::Name { text: inner, quoted: true } } else { Token::Text(inner) });
            rest = behind;
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)).filter(|_| !rest.starts_with("<=>")) {
            tokens.push(Token::Symbol(if *symbol == "==" { "=" } else { symbol }));
            rest = &rest[symbol.len()..];
        } else {
            return Err(format!("it has a `{first}`"));
        }
        debug_assert!(rest.len() < before.len());
        rest = rest.trim_start();
    }
    Ok(tokens)
}

/// Whether a minus here is a number's sign: behind an operand it would be a subtraction.
fn is_sign(tokens: &[Token]) -> bool {
    match tokens.last() {
        None => true,
        Some(Token::Symbol(symbol)) => *symbol != ")",
        Some(Token::Name { text, quoted }) => !quoted && is_word(text),
        Some(Token::Text(_) | Token::Number(_)) => false,
    }
}

/// The text up to the closing `quote`, and what follows.
fn until_quote(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut inner = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => return Err("a text in it has a backslash".into()),
            c if c == quote && characters.peek().is_some_and(|(_, next)| *next == quote) => {
                inner.push(quote);
                characters.next();
            }
            c if c == quote => return Ok((inner, &text[at + c.len_utf8()..])),
            c => inner.push(c),
        }
    }
    Err("a quote in it is not closed".into())
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    fn schema() -> Schema {
        let column = |name: &str, data_type| Field::new(name, data_type, true);
        let address = DataType::Struct(vec![column("City", DataType::Utf8)].into());
        let typed = [("id", DataType::Int64), ("Amount", DataType::Float64), ("state", DataType::Utf8), ("a b", DataType::Int32)];
        let more =
            [("address", address), ("day", DataType::Date32), ("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))];
        Schema::new(typed.into_iter().chain(more).map(|(name, data_type)| column(name, data_type)).collect::<Vec<_>>())
    }

    #[test]
    fn plain_conditions_are_taken_over() {
        let ours = |text: &str| translated(text, &schema()).unwrap_or_else(|why| panic!("{text}: {why}"));
        assert_eq!(ours("amount > -1.5 and ID is not null"), r#""Amount" > -1.5 AND "id" IS NOT NULL"#);
        assert_eq!(ours(r#"state IN ("new", 'it''s') OR `a b` <> 3"#), r#""state" IN ( 'new' , 'it''s' ) OR "a b" <> 3"#);
        assert_eq!(ours("length(state) == 2"), r#"character_length ( "state" ) = 2"#);
        assert_eq!(ours("address IS NULL OR address.city LIKE 'B%'"), r#""address" IS NULL OR "address"."City" LIKE 'B%'"#);
        assert_eq!(ours("day BETWEEN '2020-01-01' AND '2021-01-01'"), r#""day" BETWEEN '2020-01-01' AND '2021-01-01'"#);
    }

    #[test]
    fn what_may_mean_something_else_is_not() {
        let refused = |text: &str| translated(text, &schema()).expect_err(text);
        assert!(refused("id / 2 > 1").contains("`/`"));
        assert!(refused("id - 1 > 0").contains("`-`"));
        assert!(refused("year(day) > 2000").contains("calls `year`"));
        assert!(refused("id <=> amount").contains("`<`"));
        assert!(refused("c > 1").contains("no column"));
        assert!(refused("CAST(id AS INT) > 1").contains("calls `CAST`"));
        assert!(refused("id > 1e5").contains("no plain number"));
        assert!(refused("state = 'x").contains("not closed"));
        assert!(refused(" ").contains("empty"));
        assert!(refused("id > '5'").contains("another type"));
        assert!(refused("state > 5").contains("another type"));
        assert!(refused("at > '2020-01-01'").contains("another type"));
        assert!(refused("id = state").contains("another type"));
        assert!(refused("state = 'a' AND 5 < state").contains("before the column"));
    }
}
