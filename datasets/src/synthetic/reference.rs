//! The region's own deliveries, from the product's reference data: territory, population, classifications, the state machine of
//! facilities, weights of places.

use chrono::NaiveDate;

use crate::catalog::Catalog;
use crate::model::Type;

use super::cell::Cell;
use super::error::{Error, Result};
use super::sheet::{Row, Sheet};
use super::territory::Data;

/// One list of sheets per dataset, in the order of delivery.
pub fn sheets(catalog: &Catalog) -> Result<Vec<Vec<Sheet>>> {
    let parts = [
        ("territorio.ambiti", "2026", "territorio/data/ambiti.csv"),
        ("territorio.comuni", "2026", "territorio/data/comuni.csv"),
        ("territorio.popolazione", "2023", "territorio/data/popolazione.csv.gz"),
        ("territorio.nomenclatore", "2026", "territorio/data/nomenclatore.csv"),
        ("territorio.nomenclatore_ponti", "2026", "territorio/data/nomenclatore_ponti.csv"),
        ("assa.transizioni", "2026", "assa/data/transizioni.csv"),
        ("sirse.pesi_posti", "2026", "sirse/data/pesi_posti.csv"),
    ];
    parts.into_iter().map(|(dataset, period, file)| Ok(vec![sheet(catalog, dataset, period, file)?])).collect()
}

fn sheet(catalog: &Catalog, dataset: &str, period: &str, file: &'static str) -> Result<Sheet> {
    let mut sheet = Sheet::new(catalog, dataset, "lazio", period)?;
    let contract = catalog.get(&sheet.dataset).ok_or_else(|| Error::contract(&sheet.dataset, "the contract is missing"))?;
    let data = Data::read(&catalog.dir, file)?;
    let columns = contract.delivered().map(|c| Ok((data.position(&c.name)?, c.r#type))).collect::<Result<Vec<_>>>()?;
    for row in &data.rows {
        let cell =
            |(at, of): &(usize, Type)| typed(*of, &row[*at]).ok_or_else(|| Error::Reference(format!("{file}: '{}' is no {}", &row[*at], String::from(*of))));
        sheet.rows.push(Row { cells: columns.iter().map(cell).collect::<Result<_>>()?, fault: None });
    }
    Ok(sheet)
}

fn typed(of: Type, text: &str) -> Option<Cell> {
    if text.is_empty() {
        return Some(Cell::Empty);
    }
    match of {
        Type::Integer => text.parse::<i64>().ok().map(Cell::Integer),
        Type::Double => text.parse::<f64>().ok().map(|_| Cell::Double(text.to_owned())),
        Type::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Cell::Date),
        Type::Decimal(_, scale) => {
            let scale = scale.unsigned_abs();
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let digits = format!("{whole}{fraction:0<width$}", width = scale.into());
            (fraction.len() <= scale.into()).then(|| digits.parse().ok())?.map(|units| Cell::Decimal { units, scale })
        }
        Type::Boolean => text.parse::<bool>().ok().map(Cell::Boolean),
        Type::Text | Type::Timestamp => Some(text.into()),
    }
}
