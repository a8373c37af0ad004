//! Words of SQL text, as PostgreSQL divides it: enough to part statements, to know the few that the door answers itself,
//! and to find parameters. What a statement means is the gate's business.

/// One token with its place (bytes) in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Unquoted identifier or keyword.
    Word,
    /// `"…"`.
    Quoted,
    /// `'…'`, `E'…'`, `$tag$…$tag$`.
    Text,
    Number,
    /// `$1`.
    Parameter,
    Symbol,
}

impl Token<'_> {
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// True for the keyword `word` (given in upper case).
    pub fn is(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// The value of a name, a number or a simple literal: folded or unquoted.
    pub fn value(&self) -> String {
        let inner = |quote: char| self.text.trim_start_matches(|c: char| c != quote).trim_matches(quote);
        match self.kind {
            Kind::Word => self.text.to_ascii_lowercase(),
            Kind::Quoted => inner('"').replace("\"\"", "\""),
            Kind::Text => inner('\'').replace("''", "'"),
            Kind::Number | Kind::Parameter | Kind::Symbol => self.text.to_owned(),
        }
    }
}

/// Divides `sql`; comments and spaces are left out. An unended literal or comment runs to the end of the text.
pub fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let after = bytes.get(at + 1).copied();
        let (kind, end) = match byte {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if after == Some(b'-') => {
                at = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n);
                continue;
            }
            b'/' if after == Some(b'*') => {
                at = comment_end(bytes, at);
                continue;
            }
            b'\'' => (Kind::Text, quoted_end(bytes, at, b'\'', false)),
            b'"' => (Kind::Quoted, quoted_end(bytes, at, b'"', false)),
            b'e' | b'E' if after == Some(b'\'') => (Kind::Text, quoted_end(bytes, at + 1, b'\'', true)),
            b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if after == Some(b'\'') => (Kind::Text, quoted_end(bytes, at + 1, b'\'', false)),
            b'$' if after.is_some_and(|b| b.is_ascii_digit()) => (Kind::Parameter, run(bytes, at + 1, |b| b.is_ascii_digit())),
            b'$' => match dollar_end(sql, at) {
                Some(end) => (Kind::Text, end),
                None => (Kind::Symbol, at + 1),
            },
            b if b.is_ascii_digit() => (Kind::Number, run(bytes, at, |b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')),
            b if is_letter(b) => (Kind::Word, run(bytes, at, |b| is_letter(b) || b.is_ascii_digit() || b == b'$')),
            b':' if after == Some(b':') => (Kind::Symbol, at + 2),
            _ => (Kind::Symbol, at + 1),
        };
        found.push(Token { kind, text: &sql[at..end], start: at });
        at = end;
    }
    found
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// Where the run of bytes that satisfy `is` ends.
fn run(bytes: &[u8], from: usize, is: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|b| !is(*b)).map_or(bytes.len(), |n| from + n)
}

/// Where the literal that opens at `from` ends; a doubled quote belongs to it, and in `E'…'` an escaped one.
fn quoted_end(bytes: &[u8], from: usize, quote: u8, escapes: bool) -> usize {
    let mut at = from + 1;
    while let Some(&byte) = bytes.get(at) {
        if (escapes && byte == b'\\') || (byte == quote && bytes.get(at + 1) == Some(&quote)) {
            at += 2;
        } else if byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// PostgreSQL's comments nest.
fn comment_end(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from + 2, 1);
    while depth > 0 && at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at.min(bytes.len())
}

/// End of `$tag$…$tag$`, if one opens here.
fn dollar_end(sql: &str, from: usize) -> Option<usize> {
    let close = from + 1 + sql[from + 1..].find('$')?;
    let tag = &sql[from..=close];
    tag[1..tag.len() - 1].bytes().all(|b| is_letter(b) || b.is_ascii_digit()).then_some(())?;
    Some(sql[close + 1..].find(tag).map_or(sql.len(), |n| close + 1 + n + tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_as_postgresql_does() {
        let sql = "SELECT 'a''b;' , \"x;\"\"y\" -- ;\n, E'\\';' /* ; /* ; */ ; */ , $a$;$b$;$a$, $1::int, è1 ;";
        let texts: Vec<&str> = tokens(sql).iter().map(|t| t.text).collect();
        assert_eq!(texts, ["SELECT", "'a''b;'", ",", "\"x;\"\"y\"", ",", "E'\\';'", ",", "$a$;$b$;$a$", ",", "$1", "::", "int", ",", "è1", ";"]);
        assert!(tokens(sql).iter().all(|t| &sql[t.start..t.end()] == t.text));
    }

    #[test]
    fn values_are_folded_or_unquoted() {
        let value = |sql: &str| tokens(sql)[0].value();
        assert_eq!(value("Search_Path"), "search_path");
        assert_eq!(value("\"a\"\"B\""), "a\"B");
        assert_eq!(value("'l''Aquila'"), "l'Aquila");
    }

    #[test]
    fn what_never_ends_runs_to_the_end() {
        for sql in ["'abc", "\"abc", "/* abc", "$a$abc", "E'\\", "$", "$x"] {
            assert!(tokens(sql).iter().all(|t| t.end() <= sql.len()), "{sql}");
        }
    }
}
