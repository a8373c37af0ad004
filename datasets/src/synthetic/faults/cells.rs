//! One spoilt cell: empty, of another type, out of shape, out of bounds, of no list, of nobody.

use chrono::{DateTime, NaiveDate};

use super::draft::Draft;
use super::{assa, childcare, plans, social, territory};
use crate::derive::checks::Check;
use crate::fiscal_code;
use crate::model::{Column, Contract, Sender, Type};
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};
use crate::synthetic::random::day;

pub fn spoil(draft: &mut Draft, contract: &Contract, check: &Check, column: &str) -> Result<()> {
    let missing = || Error::contract(&contract.name, format!("no fault is written for {}", check.rule));
    let of = contract.column(column).ok_or_else(missing)?;
    // A column that is looked up is spoilt through the one it is looked up by.
    let column = of.lookup.as_ref().map_or(column, |lookup| lookup.by.as_str());
    let kind = check.rule.rsplit('.').next().unwrap_or_default();
    let bad = match kind {
        "required" => Cell::Empty,
        "type" => Cell::Raw(untyped(of.r#type).into()),
        "pattern" => Cell::Text(format!("{}?", draft.text(column).ok().or(of.example.as_deref()).unwrap_or_default())),
        "min" => beyond(of, of.min.as_ref(), -1).ok_or_else(missing)?,
        "max" => beyond(of, of.max.as_ref(), 1).ok_or_else(missing)?,
        "max_length" => Cell::Text("lungo ".repeat(of.max_length.unwrap_or(0) as usize / 6 + 1) + "davvero"),
        "code_list" => "inesistente".into(),
        "references" => unknown(draft, column)?,
        "sender" => another(draft, contract, of),
        "fiscal_code" => wrong_code(draft, column),
        _ => return Err(missing()),
    };
    draft.set(column, bad)?;
    keep_rules(draft, &check.rule)
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    match draft.sheet.dataset.area.as_str() {
        "territorio" => territory::keep_rules(draft, rule),
        "assa" => assa::keep_rules(draft, rule),
        "sirse" => childcare::keep_rules(draft, rule),
        "sigess" => social::keep_rules(draft, rule),
        _ => plans::keep_rules(draft, rule),
    }
}

fn untyped(of: Type) -> &'static str {
    match of {
        Type::Date | Type::Timestamp => "31/02/2025",
        Type::Boolean => "forse",
        Type::Double => "nord",
        Type::Integer | Type::Decimal(..) | Type::Text => "dodici",
    }
}

/// The bound moved outward by the smallest step of the type.
fn beyond(column: &Column, bound: Option<&toml::Value>, step: i64) -> Option<Cell> {
    let text = bound?.to_string();
    let text = text.trim_matches('"');
    match column.r#type {
        Type::Integer => Some((text.parse::<i64>().ok()? + step).into()),
        Type::Decimal(_, scale) => {
            let scale = scale.unsigned_abs();
            let units = (text.parse::<f64>().ok()? * 10_f64.powi(scale.into())).round() as i64 + step;
            Some(Cell::Decimal { units, scale })
        }
        Type::Double => Some(Cell::Double(format!("{:.4}", text.parse::<f64>().ok()? + step as f64))),
        Type::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| (day + chrono::Duration::days(step)).into()),
        Type::Timestamp => DateTime::parse_from_rfc3339(text).ok().map(|t| Cell::Moment(t.naive_utc() + chrono::Duration::seconds(step))),
        Type::Text | Type::Boolean => None,
    }
}

/// A well-formed value that is nowhere.
fn unknown(draft: &Draft, column: &str) -> Result<Cell> {
    Ok(match column {
        "ambito" => format!("{} 99", draft.text("sigla_provincia")?),
        "codice_istat" => "058999".into(),
        "codice_voce" => "prov-inesistente".into(),
        "codice_prestazione" | "prestazione_necessaria" => "A9.99".into(),
        // Born where nobody is.
        "id_persona" => fiscal_code::of("Nessuno", "Nemo", day(1930, 1, 1), false, "Z999").unwrap_or_default(),
        "codice_struttura" => format!("S{}-8999", draft.sheet.sender),
        _ => "I000000-00000".into(),
    }
    .into())
}

/// A fiscal code with the next check character.
fn wrong_code(draft: &Draft, column: &str) -> Cell {
    let code = draft.text(column).unwrap_or("RVBDRO50A41H501O");
    let (head, last) = code.split_at(15);
    let next = last.bytes().next().map_or(b'A', |c| if c == b'Z' { b'A' } else { c + 1 });
    format!("{head}{}", char::from(next)).into()
}

/// A comune, or a district, that exists and is not the sender's.
fn another(draft: &Draft, contract: &Contract, of: &Column) -> Cell {
    let comuni = contract.feed.senders == Sender::Comune || of.lookup.is_some();
    let abroad = ["056059", "VT 3"].contains(&draft.sheet.sender.as_str());
    match (comuni, abroad) {
        (true, false) => "056059",
        (true, true) => "060038",
        (false, false) => "VT 3",
        (false, true) => "FR B",
    }
    .into()
}
