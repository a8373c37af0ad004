//! Limits on the text of a query, before anything parses it.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::config::Limits;
use crate::error::{Error, Kind, Result};

/// Refuses text that is too long or holds too many tokens: long flat chains overflow the stack of whoever plans them.
/// Literals and commas are not counted, so that long lists of values pass.
pub fn check(sql: &str, limits: &Limits) -> Result<()> {
    if sql.len() > limits.text_bytes {
        return Err(Error::new(Kind::Limit, "limit.text", format!("the query is longer than {} bytes", limits.text_bytes)));
    }
    let counted = tokens(sql)?.iter().filter(|t| !is_free(&t.token)).count();
    match counted {
        0 => Err(Error::new(Kind::Invalid, "sql.empty", "the query is empty")),
        n if n > limits.tokens => Err(Error::new(Kind::Limit, "limit.tokens", format!("the query has more than {} words and signs", limits.tokens))),
        _ => Ok(()),
    }
}

/// The tokens of `sql` with their places; an unclosed quote is an error with line and column.
pub fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let dialect = PostgreSqlDialect {};
    Tokenizer::new(&dialect, sql).tokenize_with_location().map_err(|e| Error::new(Kind::Invalid, "sql.syntax", format!("{}{}", e.message, e.location)))
}

/// A literal with a value of its own.
pub fn is_literal(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedString(_)
            | Token::SingleQuotedRawStringLiteral(_)
    )
}

fn is_free(token: &Token) -> bool {
    is_literal(token) || matches!(token, Token::Comma | Token::Whitespace(_) | Token::EOF | Token::SemiColon)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(sql: &str) -> &'static str {
        check(sql, &Limits::default()).map_or_else(|e| e.code, |()| "ok")
    }

    #[test]
    fn text_is_bounded_before_parsing() {
        assert_eq!(code("SELECT 1"), "ok");
        assert_eq!(code(" -- nothing \n ; "), "sql.empty");
        assert_eq!(code(&format!("SELECT '{}'", "x".repeat(70_000))), "limit.text");
        assert_eq!(code(&format!("SELECT 1{}", "+1".repeat(5_000))), "limit.tokens");
        assert_eq!(code(&format!("SELECT a IN ({}0)", "1,".repeat(9_000))), "ok");
        assert_eq!(code("SELECT 'open"), "sql.syntax");
    }
}
