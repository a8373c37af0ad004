//! One query message may hold several statements: they are parted here and the few that the door answers itself are known
//! by their first words. Everything else is a query for the gate.

use crate::doors::postgres::token::{Kind, Token, tokens};

/// A statement, with the place of its text in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub statement: Statement,
    /// Bytes before it in the message: places in errors count from the message's start.
    pub offset: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// For the gate.
    Query(String),
    Begin {
        start: bool,
    },
    Commit,
    Rollback,
    /// `SAVEPOINT`, `RELEASE`: nothing is ever written, so there is nothing to go back to.
    Savepoint {
        tag: &'static str,
    },
    RollbackTo,
    Set {
        name: String,
        value: Option<String>,
    },
    /// `SET TRANSACTION`, `SET SESSION CHARACTERISTICS`: every transaction is read only and sees committed rows.
    SetTransaction,
    /// `SET ROLE`, `SET SESSION AUTHORIZATION`: nobody becomes another.
    SetRole,
    Reset {
        name: Option<String>,
    },
    Show {
        name: String,
    },
    Discard {
        tag: &'static str,
        all: bool,
    },
    /// `None` is all.
    Deallocate {
        name: Option<String>,
    },
    Declare {
        name: String,
        query: String,
        hold: bool,
        offset: usize,
    },
    Fetch {
        name: String,
        count: Count,
        silent: bool,
    },
    CloseCursor {
        name: Option<String>,
    },
    /// `UNLISTEN`: there are no notifications.
    Unlisten,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Rows(u64),
    All,
    /// Towards the start: no cursor can.
    Backward,
}

/// Parts `sql` at its semicolons. Empty statements are left out.
pub fn parse(sql: &str) -> Vec<Piece> {
    let all = tokens(sql);
    all.split(|t| t.symbol(";")).filter_map(|part| piece(sql, part)).collect()
}

fn piece(sql: &str, part: &[Token<'_>]) -> Option<Piece> {
    let (first, last) = (part.first()?, part.last()?);
    let text = || sql[first.start..last.end()].to_owned();
    let statement = own(sql, part).unwrap_or_else(|| Statement::Query(text()));
    Some(Piece { statement, offset: first.start })
}

/// A statement of the door's own, or `None`.
fn own(sql: &str, part: &[Token<'_>]) -> Option<Statement> {
    let word = |at: usize, word: &str| part.get(at).is_some_and(|t| t.is(word));
    let name = |at: usize| part.get(at).filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted)).map(Token::value);
    let first = part.first()?.text.to_ascii_uppercase();
    Some(match first.as_str() {
        "BEGIN" => Statement::Begin { start: false },
        "START" if word(1, "TRANSACTION") => Statement::Begin { start: true },
        "COMMIT" | "END" => Statement::Commit,
        "ROLLBACK" if part.iter().any(|t| t.is("TO")) => Statement::RollbackTo,
        "ROLLBACK" | "ABORT" => Statement::Rollback,
        "SAVEPOINT" => Statement::Savepoint { tag: "SAVEPOINT" },
        "RELEASE" => Statement::Savepoint { tag: "RELEASE" },
        "SET" => set(part)?,
        "RESET" => Statement::Reset { name: Some(setting(&part[1..])?.0).filter(|n| n != "all") },
        "SHOW" => Statement::Show { name: setting(&part[1..])?.0 },
        "DISCARD" if word(1, "ALL") => Statement::Discard { tag: "DISCARD ALL", all: true },
        "DISCARD" if word(1, "PLANS") => Statement::Discard { tag: "DISCARD PLANS", all: false },
        "DISCARD" if word(1, "SEQUENCES") => Statement::Discard { tag: "DISCARD SEQUENCES", all: false },
        "DISCARD" if word(1, "TEMP") || word(1, "TEMPORARY") => Statement::Discard { tag: "DISCARD TEMP", all: false },
        "DEALLOCATE" => {
            let at = if word(1, "PREPARE") { 2 } else { 1 };
            Statement::Deallocate { name: if word(at, "ALL") { None } else { Some(name(at)?) } }
        }
        "DECLARE" => declare(sql, part)?,
        "FETCH" => fetch(part, false)?,
        "MOVE" => fetch(part, true)?,
        "CLOSE" => Statement::CloseCursor { name: if word(1, "ALL") { None } else { Some(name(1)?) } },
        "UNLISTEN" => Statement::Unlisten,
        _ => return None,
    })
}

/// `SET [SESSION | LOCAL] name { TO | = } value [, …]`, `SET TIME ZONE value`, and what concerns transactions and roles.
fn set(part: &[Token<'_>]) -> Option<Statement> {
    let rest = match part.get(1) {
        Some(t) if t.is("LOCAL") => &part[2..],
        Some(t) if t.is("SESSION") && !part.get(2).is_some_and(|t| t.symbol("=") || t.is("TO")) => &part[2..],
        _ => &part[1..],
    };
    let first = rest.first()?;
    if first.is("TRANSACTION") || first.is("CHARACTERISTICS") {
        return Some(Statement::SetTransaction);
    }
    if first.is("ROLE") || first.is("AUTHORIZATION") {
        return Some(Statement::SetRole);
    }
    if first.is("NAMES") {
        return Some(Statement::Set { name: "client_encoding".into(), value: rest.get(1).map(Token::value) });
    }
    let (name, used) = setting(rest)?;
    let mut values = &rest[used..];
    if let Some(t) = values.first()
        && (t.is("TO") || t.symbol("="))
    {
        values = &values[1..];
    }
    let mut value = String::new();
    for token in values {
        match token.text {
            "," => value.push_str(", "),
            "-" | "+" => value.push_str(token.text),
            _ => value.push_str(&token.value()),
        }
    }
    let default = matches!(values, [only] if only.is("DEFAULT"));
    Some(Statement::Set { name, value: Some(value).filter(|_| !default) })
}

/// A setting's name, lower case, and how many tokens it takes: `search_path`, `app.user`, `TIME ZONE`, …
fn setting(part: &[Token<'_>]) -> Option<(String, usize)> {
    let is = |at: usize, word: &str| part.get(at).is_some_and(|t| t.is(word));
    if is(0, "TIME") && is(1, "ZONE") {
        return Some(("timezone".into(), 2));
    }
    if is(0, "TRANSACTION") && is(1, "ISOLATION") && is(2, "LEVEL") {
        return Some(("transaction_isolation".into(), 3));
    }
    if is(0, "SESSION") && is(1, "AUTHORIZATION") {
        return Some(("session_authorization".into(), 2));
    }
    let first = part.first().filter(|t| matches!(t.kind, Kind::Word | Kind::Quoted))?.value().to_lowercase();
    match part {
        [_, dot, second, ..] if dot.symbol(".") => Some((format!("{first}.{}", second.value().to_lowercase()), 3)),
        _ => Some((first, 1)),
    }
}

/// `DECLARE name [BINARY] [INSENSITIVE] [NO SCROLL] CURSOR [WITH HOLD | WITHOUT HOLD] FOR query`.
fn declare(sql: &str, part: &[Token<'_>]) -> Option<Statement> {
    let name = part.get(1)?.value();
    let cursor = part.iter().position(|t| t.is("CURSOR"))?;
    let hold = part.get(cursor + 1).is_some_and(|t| t.is("WITH"));
    let query = cursor + 1 + part[cursor + 1..].iter().position(|t| t.is("FOR"))? + 1;
    let (first, last) = (part.get(query)?, part.last()?);
    Some(Statement::Declare { name, query: sql[first.start..last.end()].to_owned(), hold, offset: first.start - part[0].start })
}

/// `FETCH [direction] [FROM | IN] cursor`; `silent` for `MOVE`.
fn fetch(part: &[Token<'_>], silent: bool) -> Option<Statement> {
    let name = part.last().filter(|t| part.len() > 1 && matches!(t.kind, Kind::Word | Kind::Quoted))?.value();
    let mut words: Vec<String> = part[1..part.len() - 1].iter().map(|t| t.text.to_ascii_uppercase()).collect();
    if words.last().is_some_and(|w| w == "FROM" || w == "IN") {
        words.pop();
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let count = match words.as_slice() {
        [] | ["NEXT"] | ["FORWARD"] => Count::Rows(1),
        ["ALL"] | ["FORWARD", "ALL"] => Count::All,
        [n] | ["FORWARD", n] if n.bytes().all(|b| b.is_ascii_digit()) => Count::Rows(n.parse().ok()?),
        ["RELATIVE", n] if n.bytes().all(|b| b.is_ascii_digit()) => Count::Rows(n.parse().ok()?),
        _ => Count::Backward,
    };
    Some(Statement::Fetch { name, count, silent })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(sql: &str) -> Statement {
        let mut pieces = parse(sql);
        assert_eq!(pieces.len(), 1, "{sql}");
        pieces.remove(0).statement
    }

    #[test]
    fn parts_statements_outside_literals() {
        let pieces = parse(" select ';' ;; -- end;\n select 2; ");
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0], Piece { statement: Statement::Query("select ';'".into()), offset: 1 });
        assert_eq!(pieces[1].statement, Statement::Query("select 2".into()));
        assert!(parse(" ; /* nothing */ ;").is_empty());
    }

    #[test]
    fn settings() {
        let set = |name: &str, value: &str| Statement::Set { name: name.into(), value: Some(value.into()) };
        assert_eq!(one("SET extra_float_digits = 3"), set("extra_float_digits", "3"));
        assert_eq!(one("set session TimeZone to 'Europe/Rome'"), set("timezone", "Europe/Rome"));
        assert_eq!(one("SET TIME ZONE 'UTC'"), set("timezone", "UTC"));
        assert_eq!(one("SET search_path TO \"$user\", public"), set("search_path", "$user, public"));
        assert_eq!(one("SET LOCAL statement_timeout = -1"), set("statement_timeout", "-1"));
        assert_eq!(one("SET DateStyle TO DEFAULT"), Statement::Set { name: "datestyle".into(), value: None });
        assert_eq!(one("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"), Statement::SetTransaction);
        assert_eq!(one("SET ROLE admin"), Statement::SetRole);
        assert_eq!(one("SET SESSION AUTHORIZATION admin"), Statement::SetRole);
        assert_eq!(one("SHOW TRANSACTION ISOLATION LEVEL"), Statement::Show { name: "transaction_isolation".into() });
        assert_eq!(one("RESET ALL"), Statement::Reset { name: None });
    }

    #[test]
    fn cursors() {
        let query = "select 1 from t for x";
        assert_eq!(
            one(&format!("DECLARE \"C 1\" CURSOR FOR {query}")),
            Statement::Declare { name: "C 1".into(), query: query.into(), hold: false, offset: 25 }
        );
        assert!(matches!(one("declare c no scroll cursor with hold for select 1"), Statement::Declare { hold: true, .. }));
        assert_eq!(one("FETCH FORWARD 100 FROM \"C 1\""), Statement::Fetch { name: "C 1".into(), count: Count::Rows(100), silent: false });
        assert_eq!(one("fetch c"), Statement::Fetch { name: "c".into(), count: Count::Rows(1), silent: false });
        assert_eq!(one("MOVE ALL IN c"), Statement::Fetch { name: "c".into(), count: Count::All, silent: true });
        assert_eq!(one("FETCH BACKWARD 1 FROM c"), Statement::Fetch { name: "c".into(), count: Count::Backward, silent: false });
        assert_eq!(one("CLOSE ALL"), Statement::CloseCursor { name: None });
    }

    #[test]
    fn transactions() {
        assert_eq!(one("BEGIN READ ONLY"), Statement::Begin { start: false });
        assert_eq!(one("start transaction isolation level serializable"), Statement::Begin { start: true });
        assert_eq!(one("ROLLBACK TO SAVEPOINT a"), Statement::RollbackTo);
        assert_eq!(one("ABORT"), Statement::Rollback);
        assert!(matches!(one("INSERT INTO t VALUES (1)"), Statement::Query(_)));
    }
}
