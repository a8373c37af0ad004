//! Settings of a connection (`SET`, `SHOW`): those that clients read or set at start. They change nothing about rights,
//! and nothing about answers but `statement_timeout`.

use std::collections::HashMap;
use std::time::Duration;

use warehouse::pg_catalog::SERVER_VERSION;

use crate::doors::postgres::errors::Fault;

/// A known setting.
struct Known {
    /// As `ParameterStatus` spells it; `SHOW` finds it in any case.
    name: &'static str,
    default: &'static str,
    /// The client is told at sign-in and at every change.
    told: bool,
    check: Check,
}

enum Check {
    /// Cannot be set.
    Fixed,
    /// Kept as the client wants it.
    Free,
    /// Accepted when it asks for what is there anyway; the value shown stays.
    Only(fn(&str) -> bool),
}

const fn known(name: &'static str, default: &'static str, told: bool, check: Check) -> Known {
    Known { name, default, told, check }
}

fn utf8(value: &str) -> bool {
    ["utf8", "utf-8", "unicode", "sql_ascii"].contains(&value.to_ascii_lowercase().as_str())
}

/// Dates are always ISO; the order matters only for reading other forms.
fn iso(value: &str) -> bool {
    value.split(',').all(|word| ["iso", "dmy", "mdy", "ymd", "european", "us"].contains(&word.trim().to_ascii_lowercase().as_str()))
}

fn on(value: &str) -> bool {
    ["on", "true", "yes", "1", "t"].contains(&value.to_ascii_lowercase().as_str())
}

/// Times are shown in UTC whatever is asked, with their offset written out.
fn any(_value: &str) -> bool {
    true
}

fn postgres_style(value: &str) -> bool {
    value.eq_ignore_ascii_case("postgres")
}

const KNOWN: [Known; 37] = [
    known("server_version", SERVER_VERSION, true, Check::Fixed),
    known("server_encoding", "UTF8", true, Check::Fixed),
    known("client_encoding", "UTF8", true, Check::Only(utf8)),
    known("application_name", "", true, Check::Free),
    known("default_transaction_read_only", "on", true, Check::Only(any)),
    known("in_hot_standby", "off", true, Check::Fixed),
    known("is_superuser", "off", true, Check::Fixed),
    known("DateStyle", "ISO, MDY", true, Check::Only(iso)),
    known("IntervalStyle", "postgres", true, Check::Only(postgres_style)),
    known("TimeZone", "UTC", true, Check::Only(any)),
    known("integer_datetimes", "on", true, Check::Fixed),
    known("standard_conforming_strings", "on", true, Check::Only(on)),
    known("server_version_num", "160000", false, Check::Fixed),
    known("search_path", "public", false, Check::Free),
    known("extra_float_digits", "1", false, Check::Free),
    known("transaction_isolation", "read committed", false, Check::Only(any)),
    known("default_transaction_isolation", "read committed", false, Check::Only(any)),
    known("transaction_read_only", "on", false, Check::Only(any)),
    known("transaction_deferrable", "off", false, Check::Only(any)),
    known("default_transaction_deferrable", "off", false, Check::Only(any)),
    known("statement_timeout", "0", false, Check::Free),
    known("lock_timeout", "0", false, Check::Free),
    known("idle_in_transaction_session_timeout", "0", false, Check::Free),
    known("idle_session_timeout", "0", false, Check::Free),
    known("client_min_messages", "notice", false, Check::Free),
    known("bytea_output", "hex", false, Check::Only(any)),
    known("row_security", "on", false, Check::Only(on)),
    known("max_identifier_length", "63", false, Check::Fixed),
    known("max_index_keys", "32", false, Check::Fixed),
    known("lc_collate", "C.UTF-8", false, Check::Fixed),
    known("lc_ctype", "C.UTF-8", false, Check::Fixed),
    known("lc_messages", "C.UTF-8", false, Check::Free),
    known("lc_monetary", "C.UTF-8", false, Check::Free),
    known("lc_numeric", "C.UTF-8", false, Check::Free),
    known("lc_time", "C.UTF-8", false, Check::Free),
    known("jit", "off", false, Check::Free),
    known("session_authorization", "", true, Check::Fixed),
];

/// Bytes of all values together: a client cannot keep a library here.
const ROOM: usize = 64 * 1024;

/// What one connection has set.
pub struct Settings {
    account: String,
    values: HashMap<String, String>,
}

impl Settings {
    pub fn new(account: &str) -> Self {
        Self { account: account.to_owned(), values: HashMap::new() }
    }

    fn value_of(&self, known: &Known) -> String {
        if known.name == "session_authorization" {
            return self.account.clone();
        }
        self.values.get(&known.name.to_ascii_lowercase()).cloned().unwrap_or_else(|| known.default.to_owned())
    }

    /// What the client is told at sign-in.
    pub fn told(&self) -> Vec<(&'static str, String)> {
        KNOWN.iter().filter(|k| k.told).map(|k| (k.name, self.value_of(k))).collect()
    }

    /// Sets a value, or with `None` its default. Returns what the client is to be told.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<Option<(&'static str, String)>, Fault> {
        let key = name.to_ascii_lowercase();
        let room: usize = self.values.iter().map(|(k, v)| k.len() + v.len()).sum();
        if room + key.len() + value.map_or(0, str::len) > ROOM {
            return Err(Fault::new("54000", "too many settings"));
        }
        let Some(known) = find(name) else {
            // Names with a dot belong to extensions and are anybody's.
            if !key.contains('.') {
                return Err(unknown(name));
            }
            match value {
                Some(value) => self.values.insert(key, value.to_owned()),
                None => self.values.remove(&key),
            };
            return Ok(None);
        };
        match (&known.check, value) {
            (Check::Fixed, _) => return Err(Fault::new("55P02", format!("parameter \"{}\" cannot be changed", known.name))),
            (Check::Only(allowed), Some(value)) if !allowed(value) => {
                return Err(Fault::new("22023", format!("invalid value for parameter \"{}\": \"{value}\"", known.name)));
            }
            (Check::Free, Some(value)) => {
                if key == "statement_timeout" && duration(value).is_none() {
                    return Err(Fault::new("22023", format!("invalid value for parameter \"{}\": \"{value}\"", known.name)));
                }
                self.values.insert(key, value.to_owned());
            }
            (Check::Free, None) => {
                self.values.remove(&key);
            }
            (Check::Only(_), _) => {}
        }
        Ok(known.told.then(|| (known.name, self.value_of(known))))
    }

    /// Forgets everything set. Returns what the client is to be told.
    pub fn reset(&mut self) -> Vec<(&'static str, String)> {
        let changed: Vec<&Known> = KNOWN.iter().filter(|k| k.told && self.values.contains_key(&k.name.to_ascii_lowercase())).collect();
        self.values.clear();
        changed.into_iter().map(|k| (k.name, self.value_of(k))).collect()
    }

    /// Name and value of a setting, as `SHOW` answers.
    pub fn show(&self, name: &str) -> Result<(String, String), Fault> {
        match find(name) {
            Some(known) => Ok((known.name.to_owned(), self.value_of(known))),
            None => self.values.get(&name.to_ascii_lowercase()).map(|v| (name.to_owned(), v.clone())).ok_or_else(|| unknown(name)),
        }
    }

    /// All known settings, by name.
    pub fn all(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = KNOWN.iter().map(|k| (k.name.to_owned(), self.value_of(k))).collect();
        all.sort();
        all
    }

    /// How long a statement may take, when the client set less than the server allows.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.values.get("statement_timeout").and_then(|v| duration(v)).filter(|d| !d.is_zero())
    }
}

fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|k| k.name.eq_ignore_ascii_case(name))
}

fn unknown(name: &str) -> Fault {
    Fault::new("42704", format!("unrecognized configuration parameter \"{name}\""))
}

/// `5000`, `5000ms`, `5s`, `2min`; a number alone is milliseconds.
fn duration(value: &str) -> Option<Duration> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = value[..digits].parse().ok()?;
    Some(match value[digits..].trim() {
        "" | "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "min" => Duration::from_secs(number.checked_mul(60)?),
        "h" => Duration::from_secs(number.checked_mul(3600)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_and_show() {
        let mut settings = Settings::new("pianificatore");
        assert_eq!(settings.set("APPLICATION_NAME", Some("psql")), Ok(Some(("application_name", "psql".into()))));
        assert_eq!(settings.show("application_name"), Ok(("application_name".into(), "psql".into())));
        assert_eq!(settings.set("TimeZone", Some("Europe/Rome")), Ok(Some(("TimeZone", "UTC".into()))));
        assert_eq!(settings.set("client_encoding", Some("LATIN1")).unwrap_err().state, "22023");
        assert_eq!(settings.set("server_version", Some("17")).unwrap_err().state, "55P02");
        assert_eq!(settings.set("datafusion.runtime.memory_limit", Some("100G")), Ok(None));
        assert_eq!(settings.show("tables").unwrap_err().state, "42704");
        assert_eq!(settings.show("session_authorization").unwrap().1, "pianificatore");
        assert_eq!(settings.reset(), vec![("application_name", String::new())]);
    }

    #[test]
    fn statement_timeout_takes_units() {
        let mut settings = Settings::new("x");
        assert_eq!(settings.statement_timeout(), None);
        settings.set("statement_timeout", Some("2s")).unwrap();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(2)));
        assert!(settings.set("statement_timeout", Some("2 fortnights")).is_err());
        settings.set("statement_timeout", Some("0")).unwrap();
        assert_eq!(settings.statement_timeout(), None);
    }

    #[test]
    fn room_is_bounded() {
        let mut settings = Settings::new("x");
        assert!(settings.set("a.b", Some(&"x".repeat(ROOM))).is_err());
    }
}
