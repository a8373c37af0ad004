//! Array parameters (`codice = ANY($1)`): the planner takes single values only, so that an array is written into the text
//! as a list of literals, element by element.

use pgwire::api::Type;
use postgres_types::Kind as TypeKind;
use warehouse::statement::Parameter;

use crate::doors::postgres::errors::Fault;
use crate::doors::postgres::parameters;
use crate::doors::postgres::token::{Kind, tokens};

/// The type of an array's elements.
pub fn element(declared: &Type) -> Option<&Type> {
    match declared.kind() {
        TypeKind::Array(element) => Some(element),
        _ => None,
    }
}

/// Writes array parameters into `sql` and numbers the others anew. Without values (`None`) an array stands for its type.
pub fn expand(sql: &str, types: &[Type], values: Option<&[Parameter]>) -> Result<(String, Vec<Parameter>), Fault> {
    let given = |at: usize| values.and_then(|v| v.get(at)).cloned().flatten();
    if types.iter().all(|t| element(t).is_none()) {
        return Ok((sql.to_owned(), values.map(<[Parameter]>::to_vec).unwrap_or_default()));
    }
    let mut numbers = Vec::with_capacity(types.len());
    let mut kept = Vec::new();
    for (at, declared) in types.iter().enumerate() {
        if element(declared).is_none() {
            kept.push(given(at));
        }
        numbers.push(kept.len());
    }
    let mut out = String::with_capacity(sql.len());
    let mut done = 0;
    for token in tokens(sql).iter().filter(|t| t.kind == Kind::Parameter) {
        let Some(at) = token.text[1..].parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|at| *at < types.len()) else { continue };
        out.push_str(&sql[done..token.start]);
        match element(&types[at]) {
            Some(element) => out.push_str(&list(element, given(at).as_deref())?),
            None => out.push_str(&format!("${}", numbers[at])),
        }
        done = token.end();
    }
    out.push_str(&sql[done..]);
    Ok((out, kept))
}

/// `ARRAY[…]` of an array's text.
fn list(element: &Type, text: Option<&str>) -> Result<String, Fault> {
    let values = text.map(split).transpose()?.unwrap_or_default();
    let written = values.iter().map(|value| literal(element, value.as_deref())).collect::<Result<Vec<_>, _>>()?;
    if written.is_empty() {
        // An empty list has no type of its own; a lone NULL equals nothing just as well.
        return Ok(format!("ARRAY[CAST(NULL AS {})]", parameters::spelled(element).unwrap_or("TEXT")));
    }
    Ok(format!("ARRAY[{}]", written.join(",")))
}

fn literal(element: &Type, value: Option<&str>) -> Result<String, Fault> {
    let Some(value) = value else { return Ok("NULL".into()) };
    let number = matches!(*element, Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC | Type::OID);
    if number {
        let plain = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) && value.parse::<f64>().is_ok();
        return if plain { Ok(value.to_owned()) } else { Err(Fault::new("22P02", format!("an element of an array does not fit its type {}", element.name()))) };
    }
    let quoted = format!("'{}'", value.replace('\'', "''"));
    Ok(match parameters::spelled(element) {
        Some(name) => format!("CAST({quoted} AS {name})"),
        None => quoted,
    })
}

/// Elements of `{a,"b c",NULL}`; one dimension.
fn split(text: &str) -> Result<Vec<Option<String>>, Fault> {
    let malformed = || Fault::new("22P02", "malformed array literal");
    let inner = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(malformed)?;
    let mut found = Vec::new();
    let mut rest = inner.chars().peekable();
    while rest.peek().is_some() {
        let (mut value, mut quoted) = (String::new(), false);
        loop {
            match rest.next() {
                None | Some(',') => break,
                Some('{' | '}') => return Err(Fault::new("0A000", "arrays of more than one dimension are not supported")),
                Some('"') => {
                    quoted = true;
                    loop {
                        match rest.next().ok_or_else(malformed)? {
                            '"' => break,
                            '\\' => value.push(rest.next().ok_or_else(malformed)?),
                            other => value.push(other),
                        }
                    }
                }
                Some('\\') => value.push(rest.next().ok_or_else(malformed)?),
                Some(other) => value.push(other),
            }
        }
        found.push(if !quoted && value.trim().eq_ignore_ascii_case("null") {
            None
        } else if quoted {
            Some(value)
        } else {
            Some(value.trim().to_owned())
        });
    }
    Ok(found)
}

/// An array's binary form as text.
pub fn from_binary(bytes: &[u8], element: &Type) -> Result<String, Fault> {
    let wrong = || Fault::new("22P03", "incorrect binary data format for an array parameter");
    let mut rest = bytes;
    let word = |rest: &mut &[u8]| -> Result<i32, Fault> {
        let (head, tail) = rest.split_at_checked(4).ok_or_else(wrong)?;
        *rest = tail;
        Ok(i32::from_be_bytes([head[0], head[1], head[2], head[3]]))
    };
    let (dimensions, _nulls, _oid) = (word(&mut rest)?, word(&mut rest)?, word(&mut rest)?);
    let count = match dimensions {
        0 => return Ok("{}".into()),
        1 => word(&mut rest)?,
        _ => return Err(Fault::new("0A000", "arrays of more than one dimension are not supported")),
    };
    word(&mut rest)?;
    let mut out = Vec::new();
    for _ in 0..count {
        let length = word(&mut rest)?;
        if length < 0 {
            out.push("NULL".to_owned());
            continue;
        }
        let (value, tail) = rest.split_at_checked(length as usize).ok_or_else(wrong)?;
        rest = tail;
        let text = parameters::value(Some(&bytes::Bytes::copy_from_slice(value)), 1, element)?.unwrap_or_default();
        out.push(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    Ok(format!("{{{}}}", out.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_written_out_and_the_rest_numbered_anew() {
        let types = [Type::TEXT_ARRAY, Type::INT8, Type::INT4_ARRAY];
        let values = [Some(r#"{058091,"l'\"A\" b",NULL,"NULL"}"#.to_owned()), Some("7".to_owned()), Some("{1,-2}".to_owned())];
        let (sql, kept) = expand("a = ANY($1) AND b = $2 AND c = ANY($3)", &types, Some(&values)).unwrap();
        assert_eq!(sql, r#"a = ANY(ARRAY['058091','l''"A" b',NULL,'NULL']) AND b = $1 AND c = ANY(ARRAY[1,-2])"#);
        assert_eq!(kept, [Some("7".to_owned())]);
        let (sql, kept) = expand("c = ANY($3) AND b = $2", &types, None).unwrap();
        assert_eq!((sql.as_str(), kept), ("c = ANY(ARRAY[CAST(NULL AS BIGINT)]) AND b = $1", vec![None]));
    }

    #[test]
    fn elements_cannot_become_sql() {
        let expand = |declared, text: &str| expand("$1", &[declared], Some(&[Some(text.to_owned())]));
        assert!(expand(Type::INT4_ARRAY, "{1)--}").is_err());
        assert!(expand(Type::INT4_ARRAY, "{{1},{2}}").is_err());
        assert!(expand(Type::INT4_ARRAY, "1,2").is_err());
        assert_eq!(expand(Type::TEXT_ARRAY, "{'); --}").unwrap().0, "ARRAY['''); --']");
    }

    #[test]
    fn binary_arrays() {
        let words = [1, 0, 23, 2, 1, 4, 5, -1];
        let bytes: Vec<u8> = words.iter().flat_map(|w: &i32| w.to_be_bytes()).collect();
        assert_eq!(from_binary(&bytes, &Type::INT4).unwrap(), r#"{"5",NULL}"#);
        assert!(from_binary(&bytes[..20], &Type::INT4).is_err());
    }
}
