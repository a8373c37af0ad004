//! Faulty rows: copies of valid rows under a fresh key, each made to break exactly one check. Nothing refers to a copy and no valid
//! row changes, so a fault never makes another row invalid.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::Rng;

use super::error::{Error, Result};
use super::random::stream;
use super::sheet::{Planted, Row, Sheet};
use crate::derive::checks::{Check, CheckKind, checks};
use crate::model::Contract;

mod cells;
mod draft;
mod keys;
mod neutral;
mod rules;

use draft::Draft;

/// Faulty rows for each valid one; each check is broken at least once.
const RATE: f64 = 0.005;
/// Copies tried until one has a key that no other row has.
const TRIES: usize = 400;

/// Adds faulty rows to the sheets of one dataset. `inspections` are the ids that an act may name.
/// Errors: a rule of the contract for which no fault is written, or no row to copy.
pub fn plant(contract: &Contract, sheets: &mut [Sheet], inspections: &[String], seed: u64) -> Result<()> {
    let checks = checks(contract);
    let rows: usize = sheets.iter().map(|s| s.rows.len()).sum();
    let count = checks.len().max((rows as f64 * RATE).ceil() as usize);
    let mut planter = Planter {
        contract,
        inspections,
        taken: sheets.iter().map(|sheet| keys_of(contract, sheet)).collect(),
        rng: stream(seed, &format!("faults {}", contract.name)),
    };
    for (n, check) in checks.iter().cycle().take(count).enumerate() {
        planter.one(sheets, check, n)?;
    }
    Ok(())
}

struct Planter<'a> {
    contract: &'a Contract,
    inspections: &'a [String],
    /// Keys of each sheet, hashed.
    taken: Vec<HashSet<u64>>,
    rng: rand::rngs::StdRng,
}

impl Planter<'_> {
    fn one(&mut self, sheets: &mut [Sheet], check: &Check, n: usize) -> Result<()> {
        for _ in 0..TRIES {
            let (at, model) = self.model(sheets)?;
            let sheet = &mut sheets[at];
            let planted = Planted { rule: check.rule.clone(), column: check.column.clone() };
            if check.kind == CheckKind::Unique {
                let double = Row { cells: sheet.rows[model].cells.clone(), fault: Some(planted) };
                let place = self.rng.random_range(model + 1..=sheet.rows.len());
                sheet.rows.insert(place, double);
                return Ok(());
            }
            let cells = sheet.rows[model].cells.clone();
            let mut draft = Draft { sheet: &*sheet, cells, n, inspections: self.inspections, rng: &mut self.rng };
            keys::fresh(&mut draft)?;
            neutral::settle(&mut draft)?;
            match &check.column {
                Some(column) => cells::spoil(&mut draft, self.contract, check, column)?,
                None => rules::break_rule(&mut draft, &check.rule)?,
            }
            let row = Row { cells: draft.cells, fault: Some(planted) };
            if self.taken[at].insert(key(&positions(self.contract, sheet), &row)) {
                let place = self.rng.random_range(0..=sheet.rows.len());
                sheet.rows.insert(place, row);
                return Ok(());
            }
        }
        Err(Error::contract(&self.contract.name, format!("no free key for a fault of {}", check.rule)))
    }

    /// A valid row of any sheet, each as likely as another.
    fn model(&mut self, sheets: &[Sheet]) -> Result<(usize, usize)> {
        let total: usize = sheets.iter().map(|s| s.rows.len()).sum();
        for _ in 0..TRIES {
            let mut left = self.rng.random_range(0..total.max(1));
            for (at, sheet) in sheets.iter().enumerate() {
                match sheet.rows.get(left) {
                    Some(row) if row.fault.is_none() => return Ok((at, left)),
                    Some(_) => break,
                    None => left -= sheet.rows.len(),
                }
            }
        }
        Err(Error::contract(&self.contract.name, "there is no row to copy"))
    }
}

fn keys_of(contract: &Contract, sheet: &Sheet) -> HashSet<u64> {
    let positions = positions(contract, sheet);
    sheet.rows.iter().map(|row| key(&positions, row)).collect()
}

/// Where the key stands in a row.
fn positions(contract: &Contract, sheet: &Sheet) -> Vec<usize> {
    contract.key.iter().filter_map(|name| sheet.position(name)).collect()
}

fn key(positions: &[usize], row: &Row) -> u64 {
    let mut hash = DefaultHasher::new();
    positions.iter().for_each(|at| row.cells[*at].hash(&mut hash));
    hash.finish()
}
