//! One spoilt cell: empty, of another type, out of shape, out of bounds, of no list, of nobody.

use chrono::{Days, NaiveDate};

use super::draft::Draft;
use crate::derive::checks::Check;
use crate::model::{Column, Contract, Sender, Type};
use crate::synthetic::cell::Cell;
use crate::synthetic::error::{Error, Result};

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
        _ => return Err(missing()),
    };
    draft.set(column, bad)?;
    keep_rules(draft, &check.rule)
}

/// What must follow a spoilt cell so that no rule between columns breaks as well.
fn keep_rules(draft: &mut Draft, rule: &str) -> Result<()> {
    let rule = format!("{}.{rule}", draft.dataset());
    match rule.as_str() {
        "territorio.popolazione.eta.min" => draft.set("fascia_eta", "00-02"),
        "territorio.popolazione.eta.max" => draft.set("fascia_eta", "85+"),
        "territorio.popolazione.femmine.min" => total(draft),
        "territorio.popolazione.maschi.min" => total(draft),
        "assa.posti.posti_autorizzati.min" => draft.all([("posti_accreditati", 0.into()), ("posti_convenzionati", 0.into()), ("posti_occupati", 0.into())]),
        "assa.posti.posti_accreditati.min" => draft.set("posti_convenzionati", Cell::Empty),
        "assa.posti.eta_minima.max" => draft.set("eta_massima", Cell::Empty),
        "assa.posti.eta_massima.min" => draft.set("eta_minima", Cell::Empty),
        "assa.ispezioni.data_esecuzione.type" => draft.set("esito", Cell::Empty),
        "assa.provvedimenti.data_atto.max" => draft.set("data_effetto", NaiveDate::from_ymd_opt(2102, 1, 1).map(Cell::Date).unwrap_or(Cell::Empty)),
        "sigess.accessi.esito.code_list" => {
            let day = draft.date("data_accesso")? + Days::new(3);
            draft.set("data_esito", day)
        }
        "piani_zona.importi.importo.min" => draft.set("quota_utenti", Cell::Empty),
        "piani_zona.importi.data_atto.min" => draft.set("fase", "programmato"),
        "sirse.servizi.posti_autorizzati.min" => draft.set("posti_lattanti", 0),
        _ => Ok(()),
    }
}

fn total(draft: &mut Draft) -> Result<()> {
    let sum = draft.number("femmine")? + draft.number("maschi")?;
    draft.set("totale", sum)
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
        Type::Text | Type::Boolean | Type::Timestamp => None,
    }
}

/// A well-formed value that is nowhere.
fn unknown(draft: &Draft, column: &str) -> Result<Cell> {
    Ok(match column {
        "ambito" => format!("{} 99", draft.text("sigla_provincia")?),
        "codice_istat" => "058999".into(),
        "codice_struttura" => format!("S{}-8999", draft.sheet.sender),
        _ => "I000000-00000".into(),
    }
    .into())
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
