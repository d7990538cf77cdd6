//! How much SQL is taken: what plans and computes it recurses into each operator.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use crate::diagnostic::Misread;

/// So many operators one text may have: planning takes the square of it, and each may need a frame of the stack.
const OPERATORS_MAX: usize = 500;

/// Refuses a text with too many operators. Long lists behind `IN`, and many columns, are none.
pub(in crate::sql) fn ensure_small(text: &str) -> Result<(), Misread> {
    // What cannot be taken apart is told of by the parser.
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize().unwrap_or_default();
    let operators = tokens.iter().filter(|token| is_operator(token)).count();
    if operators <= OPERATORS_MAX {
        return Ok(());
    }
    let what = format!("there are {operators} operators in it, and {OPERATORS_MAX} are taken");
    Err(Misread::new(what).hint("write `a IN (1, 2, …)` for many `OR`s, or several rules"))
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(
            word.keyword,
            Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::BETWEEN
                | Keyword::CASE
                | Keyword::CAST
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::JOIN
                | Keyword::SELECT
        ),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::SemiColon
        | Token::EOF => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_counted_and_lists_are_not() {
        let sum = |terms: usize| vec!["n"; terms].join(" + ");
        assert!(ensure_small(&sum(501)).is_ok());
        assert_eq!(ensure_small(&sum(502)).expect_err("too many").what, "there are 501 operators in it, and 500 are taken");
        assert!(ensure_small(&format!("n IN ({})", vec!["1"; 50_000].join(", "))).is_ok());
        for many in ["n = 1 OR ", "n::int", "NOT ", "s || ", "CASE WHEN n = 1 THEN 1 END "] {
            assert!(ensure_small(&many.repeat(600)).is_err(), "{many}");
        }
        assert!(ensure_small("'open").is_ok());
    }
}
