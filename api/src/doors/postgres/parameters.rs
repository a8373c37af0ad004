//! Bound parameters, from what the client sends (text or binary) to text, and the casts that carry a declared type.

use arrow::datatypes::DataType;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta};
use pgwire::api::Type;
use warehouse::statement::Parameter;

use crate::doors::postgres::arrays;
use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::numeric;
use crate::doors::postgres::token::{Kind, tokens};

/// Puts the declared type of a parameter into the text, `$1` becoming `CAST($1 AS bigint)`: the planner may have no other
/// way to know it. Text is left as it is: its place decides. So is `LIMIT $1`.
pub fn with_types(sql: &str, types: &[Type]) -> String {
    let all = tokens(sql);
    let mut out = String::with_capacity(sql.len());
    let mut done = 0;
    for (at, token) in all.iter().enumerate() {
        if token.kind != Kind::Parameter {
            continue;
        }
        let number: usize = token.text[1..].parse().unwrap_or(0);
        let declared = number.checked_sub(1).and_then(|n| types.get(n)).and_then(spelled);
        let before = at.checked_sub(1).map(|n| all[n]);
        let bare = before.is_some_and(|t| t.is("LIMIT") || t.is("OFFSET")) || all.get(at + 1).is_some_and(|t| t.symbol("::"));
        if let Some(name) = declared.filter(|_| !bare) {
            out.push_str(&sql[done..token.start]);
            out.push_str(&format!("CAST({} AS {name})", token.text));
            done = token.end();
        }
    }
    out.push_str(&sql[done..]);
    out
}

/// How the planner spells a declared type; `None` for text and for what only its place can tell.
pub fn spelled(declared: &Type) -> Option<&'static str> {
    Some(match *declared {
        Type::BOOL => "BOOLEAN",
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => "BIGINT",
        Type::FLOAT4 | Type::FLOAT8 => "DOUBLE",
        Type::DATE => "DATE",
        Type::TIMESTAMP => "TIMESTAMP",
        Type::TIMESTAMPTZ => "TIMESTAMP WITH TIME ZONE",
        _ => return None,
    })
}

/// Parameters that stand in `ANY($1)` or `ALL($1)`, from 0: without a declared type they are arrays of text.
pub fn lists(sql: &str) -> Vec<usize> {
    let all = tokens(sql);
    let listed = all
        .windows(4)
        .filter(|w| (w[0].is("ANY") || w[0].is("ALL") || w[0].is("SOME")) && w[1].symbol("(") && w[2].kind == Kind::Parameter && w[3].symbol(")"));
    listed.filter_map(|w| w[2].text[1..].parse::<usize>().ok()?.checked_sub(1)).collect()
}

/// Parameters under a cast (`$1::int`, `CAST($1 AS int)`), from 0: PostgreSQL takes the cast's type for theirs.
pub fn cast(sql: &str) -> Vec<(usize, Type)> {
    let all = tokens(sql);
    let mut found = Vec::new();
    for (at, token) in all.iter().enumerate().filter(|(_, t)| t.kind == Kind::Parameter) {
        let rest = match &all[at + 1..] {
            [colons, rest @ ..] if colons.symbol("::") => rest,
            [alias, rest @ ..] if alias.is("AS") && at > 1 && all[at - 2].is("CAST") => rest,
            _ => continue,
        };
        let rest = if rest.first().is_some_and(|t| t.is("PG_CATALOG")) { rest.get(2..).unwrap_or_default() } else { rest };
        let Some(number) = token.text[1..].parse::<usize>().ok().and_then(|n| n.checked_sub(1)) else { continue };
        let array = rest.get(1).is_some_and(|t| t.symbol("["));
        if let Some(named) = rest.first().and_then(|t| named(&t.value(), array)) {
            found.push((number, named));
        }
    }
    found
}

fn named(name: &str, array: bool) -> Option<Type> {
    let (one, many) = match name {
        "bool" | "boolean" => (Type::BOOL, Type::BOOL_ARRAY),
        "int2" | "smallint" => (Type::INT2, Type::INT2_ARRAY),
        "int4" | "int" | "integer" => (Type::INT4, Type::INT4_ARRAY),
        "int8" | "bigint" => (Type::INT8, Type::INT8_ARRAY),
        "float4" | "real" => (Type::FLOAT4, Type::FLOAT4_ARRAY),
        "float8" | "double" => (Type::FLOAT8, Type::FLOAT8_ARRAY),
        "numeric" | "decimal" => (Type::NUMERIC, Type::NUMERIC_ARRAY),
        "date" => (Type::DATE, Type::DATE_ARRAY),
        "timestamptz" => (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
        "oid" => (Type::OID, Type::OID_ARRAY),
        "text" | "varchar" | "char" | "bpchar" | "name" => (Type::TEXT, Type::TEXT_ARRAY),
        _ => return None,
    };
    Some(if array { many } else { one })
}

/// How many parameters a text has: the highest number in it.
pub fn count(sql: &str) -> usize {
    tokens(sql).iter().filter(|t| t.kind == Kind::Parameter).filter_map(|t| t.text[1..].parse().ok()).max().unwrap_or(0)
}

/// The type to tell a client for a parameter whose type the plan gives.
pub fn of_plan(data_type: &DataType) -> Type {
    match data_type {
        DataType::Null => Type::TEXT,
        other => arrow_pg::datatypes::into_pg_type(other).unwrap_or(Type::TEXT),
    }
}

/// One bound value as text. `format` is 0 (text) or 1 (binary).
pub fn value(bytes: Option<&Bytes>, format: i16, declared: &Type) -> Result<Parameter, Fault> {
    let Some(bytes) = bytes else { return Ok(None) };
    if format == 1
        && let Some(element) = arrays::element(declared)
    {
        return arrays::from_binary(bytes, element).map(Some);
    }
    if format == 1 && !matches!(*declared, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN) {
        return binary(bytes, declared).map(Some);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("22021", "invalid byte sequence for encoding \"UTF8\""))?;
    if text.contains('\0') {
        return Err(Fault::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    Ok(Some(text.to_owned()))
}

fn binary(bytes: &[u8], declared: &Type) -> Result<String, Fault> {
    let wrong = || Fault::new("22P03", format!("incorrect binary data format for a parameter of type {}", declared.name()));
    let text = match *declared {
        Type::BOOL => <[u8; 1]>::try_from(bytes).ok().map(|b| if b[0] == 0 { "false".to_owned() } else { "true".to_owned() }),
        Type::INT2 => bytes.try_into().ok().map(|b| i16::from_be_bytes(b).to_string()),
        Type::INT4 => bytes.try_into().ok().map(|b| i32::from_be_bytes(b).to_string()),
        Type::OID => bytes.try_into().ok().map(|b| u32::from_be_bytes(b).to_string()),
        Type::INT8 => bytes.try_into().ok().map(|b| i64::from_be_bytes(b).to_string()),
        Type::FLOAT4 => bytes.try_into().ok().map(|b| f32::from_be_bytes(b).to_string()),
        Type::FLOAT8 => bytes.try_into().ok().map(|b| f64::from_be_bytes(b).to_string()),
        Type::NUMERIC => numeric::from_binary(bytes),
        Type::DATE => bytes.try_into().ok().and_then(|b| day(i32::from_be_bytes(b))).map(|d| d.to_string()),
        Type::TIMESTAMP => bytes.try_into().ok().and_then(|b| moment(i64::from_be_bytes(b))).map(|t| t.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
        Type::TIMESTAMPTZ => bytes.try_into().ok().and_then(|b| moment(i64::from_be_bytes(b))).map(|t| t.format("%Y-%m-%d %H:%M:%S%.6f+00:00").to_string()),
        _ => return Err(Fault::new("0A000", format!("binary parameters of type {} are not supported", declared.name()))),
    };
    text.ok_or_else(wrong)
}

/// Days and microseconds are counted from 2000-01-01.
fn day(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(2000, 1, 1)?.checked_add_signed(TimeDelta::try_days(i64::from(days))?)
}

fn moment(micros: i64) -> Option<chrono::NaiveDateTime> {
    const EPOCH_2000: i64 = 946_684_800_000_000;
    Some(DateTime::from_timestamp_micros(micros.checked_add(EPOCH_2000)?)?.naive_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_are_written_into_the_text() {
        let types = [Type::INT4, Type::TEXT, Type::DATE];
        assert_eq!(
            with_types("SELECT '$1', $1 + 1, $2 FROM t WHERE d = $3 AND e = $3::date LIMIT $1", &types),
            "SELECT '$1', CAST($1 AS BIGINT) + 1, $2 FROM t WHERE d = CAST($3 AS DATE) AND e = $3::date LIMIT $1"
        );
        assert_eq!(with_types("SELECT $4", &types), "SELECT $4");
        assert_eq!(lists("a = ANY($2) AND b <> all ( $1 ) AND c = (($3))"), [1, 0]);
        let casts = cast("SELECT $1::int, CAST($2 AS pg_catalog.text[]), $3::numeric(20,4), $4::regclass, $5");
        assert_eq!(casts, [(0, Type::INT4), (1, Type::TEXT_ARRAY), (2, Type::NUMERIC)]);
        assert_eq!(count("SELECT $2, '$9' -- $7"), 2);
    }

    #[test]
    fn binary_values_become_text() {
        let text = |bytes: &[u8], declared: Type| value(Some(&Bytes::copy_from_slice(bytes)), 1, &declared).unwrap().unwrap();
        assert_eq!(text(&(-5_i16).to_be_bytes(), Type::INT2), "-5");
        assert_eq!(text(&1.5_f64.to_be_bytes(), Type::FLOAT8), "1.5");
        assert_eq!(text(&[1], Type::BOOL), "true");
        assert_eq!(text(&9_000_i32.to_be_bytes(), Type::DATE), "2024-08-22");
        assert_eq!(text(&1_i64.to_be_bytes(), Type::TIMESTAMPTZ), "2000-01-01 00:00:00.000001+00:00");
        assert_eq!(text("è".as_bytes(), Type::TEXT), "è");
        assert!(value(Some(&Bytes::from_static(&[1])), 1, &Type::INT8).is_err());
        assert!(value(Some(&Bytes::from_static(&[0xff])), 0, &Type::TEXT).is_err());
        assert_eq!(value(None, 1, &Type::INT8).unwrap(), None);
    }
}
