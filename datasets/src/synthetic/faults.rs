//! Faulty rows: copies of valid rows under a fresh key, each made to break exactly one check. Nothing refers to a copy and no valid
//! row changes, so a fault never makes another row invalid.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::Rng;

use super::error::{Error, Result};
use super::random::stream;
use super::sheet::{Planted, Row, Sheet};
use crate::derive::checks::{Check, CheckKind, checks, set_checks};
use crate::model::Contract;

mod assa;
mod cells;
mod childcare;
mod draft;
mod keys;
mod known;
mod neutral;
mod plans;
mod rules;
mod social;
mod territory;

use draft::Draft;
pub use known::Known;

/// Faulty rows for each valid one; each check is broken at least once.
const RATE: f64 = 0.005;
/// Copies tried until one has a key that no other row has.
const TRIES: usize = 400;
/// Checks of a series that one sheet takes while some are still to be broken.
const AT_ONCE: usize = 30;

/// Every check of a contract: those of a row, then those of rows together.
pub fn all_checks(contract: &Contract) -> Vec<Check> {
    checks(contract).into_iter().chain(set_checks(contract)).collect()
}

/// Adds faulty rows to the sheets of one dataset.
/// Errors: a rule of the contract for which no fault is written, or no row to copy.
pub fn plant(contract: &Contract, sheets: &mut [Sheet], known: &Known, seed: u64) -> Result<()> {
    let checks = all_checks(contract);
    let rows: usize = sheets.iter().map(|s| s.rows.len()).sum();
    let count = checks.len().max((rows as f64 * RATE).ceil() as usize);
    let mut planter = Planter::new(contract, sheets, known, stream(seed, &format!("faults {}", contract.name)));
    for (n, check) in checks.iter().cycle().take(count).enumerate() {
        // A region too small may have no row with which a rule of rows together can be broken.
        if !planter.one(sheets, check, n)? && !matches!(check.kind, CheckKind::Set(_)) {
            return Err(Error::contract(&contract.name, format!("no row fits a fault of {}, or no key is free", check.rule)));
        }
    }
    Ok(())
}

/// The faults of a dataset whose sheets are written one after another.
pub struct Series {
    checks: Vec<Check>,
    /// Checks that no sheet has broken yet.
    missing: BTreeSet<usize>,
    planted: usize,
}

impl Series {
    pub fn new(contract: &Contract) -> Self {
        let checks = all_checks(contract);
        Self { missing: (0..checks.len()).collect(), checks, planted: 0 }
    }

    /// Adds faulty rows to the next sheet, or to the part of it that is at hand.
    pub fn plant(&mut self, contract: &Contract, sheet: &mut Sheet, known: &Known, seed: u64) -> Result<()> {
        let count = ((sheet.rows.len() as f64 * RATE).ceil() as usize).max(self.missing.len().min(AT_ONCE));
        let rng = stream(seed, &format!("faults {} {} {}", contract.name, sheet.sender, sheet.period));
        let mut planter = Planter::new(contract, std::slice::from_ref(sheet), known, rng);
        let (first, more): (Vec<usize>, usize) = (self.missing.iter().copied().take(count).collect(), self.planted);
        let rest = (0..count - first.len()).map(|n| (more + n) % self.checks.len());
        for at in first.iter().copied().chain(rest) {
            if planter.one(std::slice::from_mut(sheet), &self.checks[at], self.planted)? {
                self.missing.remove(&at);
            }
            self.planted += 1;
        }
        Ok(())
    }

    /// Errors: some check was never broken, for want of a row that fits.
    pub fn finish(&self, contract: &Contract) -> Result<()> {
        let missing: Vec<&str> = self.missing.iter().map(|at| self.checks[*at].rule.as_str()).collect();
        if missing.is_empty() { Ok(()) } else { Err(Error::contract(&contract.name, format!("no row fits a fault of {}", missing.join(", ")))) }
    }
}

struct Planter<'a> {
    contract: &'a Contract,
    known: &'a Known,
    /// Keys of each sheet, hashed.
    taken: Vec<HashSet<u64>>,
    rng: rand::rngs::StdRng,
}

impl<'a> Planter<'a> {
    fn new(contract: &'a Contract, sheets: &[Sheet], known: &'a Known, rng: rand::rngs::StdRng) -> Self {
        Self { contract, known, taken: sheets.iter().map(|sheet| keys_of(contract, sheet)).collect(), rng }
    }

    /// Whether a row could be found and broken.
    fn one(&mut self, sheets: &mut [Sheet], check: &Check, n: usize) -> Result<bool> {
        for _ in 0..TRIES {
            let Some((at, model)) = self.model(sheets, check) else { return Ok(false) };
            let sheet = &mut sheets[at];
            let planted = Planted { rule: check.rule.clone(), column: check.column.clone() };
            if check.kind == CheckKind::Unique {
                let double = Row { cells: sheet.rows[model].cells.clone(), fault: Some(planted) };
                let place = self.rng.random_range(model + 1..=sheet.rows.len());
                sheet.rows.insert(place, double);
                return Ok(true);
            }
            let before = &sheet.rows[model].cells;
            let mut draft = Draft { sheet: &*sheet, cells: before.clone(), before, n, known: self.known, rng: &mut self.rng };
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
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A valid row of any sheet that a fault of this check can be made of, each as likely as another.
    fn model(&mut self, sheets: &[Sheet], check: &Check) -> Option<(usize, usize)> {
        let total: usize = sheets.iter().map(|s| s.rows.len()).sum();
        for _ in 0..TRIES {
            let mut left = self.rng.random_range(0..total.max(1));
            for (at, sheet) in sheets.iter().enumerate() {
                match sheet.rows.get(left) {
                    Some(row) if row.fault.is_none() && rules::usable(sheet, row, &check.rule, self.known) => return Some((at, left)),
                    Some(_) => break,
                    None => left -= sheet.rows.len(),
                }
            }
        }
        // They are rare: the first after a place drawn by chance.
        let all = || sheets.iter().enumerate().flat_map(|(at, sheet)| sheet.rows.iter().enumerate().map(move |(n, row)| (at, n, sheet, row)));
        let skip = self.rng.random_range(0..total.max(1));
        let fits = |(_, _, sheet, row): &(usize, usize, &Sheet, &Row)| row.fault.is_none() && rules::usable(sheet, row, &check.rule, self.known);
        all().skip(skip).chain(all().take(skip)).find(fits).map(|(at, n, _, _)| (at, n))
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
