//! Erasure of a person (Reg. (EU) 2016/679 art. 17): who they are leaves the vault, their pseudonym leaves every version of every table,
//! and received files that name them lose their keys. Their rows stay under a pseudonym of nobody: what was counted stays true.

use std::path::Path;

use arrow::array::{Array, AsArray};
use datasets::model::{Contract, Identity};

use crate::deliver::Deliveries;
use crate::error::{Error, Kind, Result};
use crate::mapping::Mapping;
use crate::read;
use crate::vault::Purpose;

/// What an erasure did.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Erased {
    /// Whether the vault knew the person.
    pub known: bool,
    /// Rows of all versions in which the pseudonym was replaced.
    pub rows: u64,
    /// Tables whose earlier versions were removed.
    pub tables: usize,
    /// National flows removed from the outbox.
    pub flows: u64,
    /// Received files that can no longer be read.
    pub files: usize,
}

/// What tells a person in a received file.
struct Sought {
    /// In upper case, as all of it.
    code: String,
    /// Surname and first name, when known.
    names: Option<(String, String)>,
}

impl Deliveries {
    /// Erases the person of a fiscal code. Nobody else may be at work on the lake. Interrupted, it is taken up by running it again.
    pub async fn erase(&self, account: &str, reason: &str, code: &str) -> Result<Erased> {
        let vault = self.vault();
        let pseudonym = vault.pseudonym(code).ok_or_else(|| Error::new(Kind::Invalid, "erase.code", ""))?;
        let purpose = Purpose { account, why: reason };
        let person = vault.identify(purpose, std::slice::from_ref(&pseudonym)).await?.remove(&pseudonym);
        let replacement = vault.begin_erasure(&pseudonym).await?;
        let mut done = Erased { known: person.is_some(), ..Erased::default() };
        let name = |field: &str| person.as_ref().and_then(|p| p.fields.get(field)).map(|text| text.trim().to_uppercase());
        let sought = Sought { code: code.trim().to_uppercase(), names: name("cognome").zip(name("nome")) };
        // Files first: names are needed to find them, and are still there when this is interrupted.
        for delivery in vault.readable().await? {
            if self.names(&delivery, &sought).await? {
                vault.shred(&delivery).await?;
                done.files += 1;
            }
        }
        let contracts: Vec<Contract> = self.lake().catalog().contracts.values().cloned().collect();
        for contract in &contracts {
            let columns: Vec<&str> = contract.columns.iter().filter(|c| c.identity == Some(Identity::Pseudonym)).map(|c| c.name.as_str()).collect();
            for column in &columns {
                done.rows += self.lake().substitute(&contract.name, column, &pseudonym, &replacement).await?;
            }
            if !columns.is_empty() {
                self.lake().forget_history(&contract.name).await?;
                done.tables += 1;
            }
        }
        done.flows = vault.forget(&pseudonym).await?;
        vault.end_erasure(&pseudonym).await?;
        vault.record(purpose, "cancellazione", usize::try_from(done.rows).unwrap_or(usize::MAX)).await?;
        Ok(done)
    }

    /// Whether a received file names the person. One that cannot be read is taken to.
    async fn names(&self, delivery: &str, sought: &Sought) -> Result<bool> {
        let Some(report) = self.report(delivery).await? else { return Ok(false) };
        let name = report.dataset.parse().map_err(|e: String| Error::internal("erase.dataset", e))?;
        let Some(contract) = self.lake().catalog().get(&name) else { return Ok(true) };
        let raw = self.landing().raw_of(&report.dataset, delivery).await?;
        let clear = self.vault().clear(delivery, &raw.path, self.spool()).await?;
        let mapping = Mapping::find(&self.lake().catalog().dir, contract, report.mapping.as_deref(), &report.sender).ok().flatten();
        let hints = mapping.map(|m| m.file.hints).unwrap_or_default();
        Ok(search(&clear.path(), &hints, self.bounds(), sought).unwrap_or(true))
    }
}

fn search(path: &Path, hints: &read::Hints, bounds: &read::Bounds, sought: &Sought) -> Result<bool, read::ReadError> {
    let mut source = read::open(path, hints, bounds)?;
    while let Some(batch) = source.next()? {
        let header: Vec<String> = batch.columns.schema().fields().iter().map(|f| f.name().to_uppercase()).collect();
        if sought.among(&header) {
            return Ok(true);
        }
        for row in 0..batch.columns.num_rows() {
            let cells = batch.columns.columns().iter().map(|c| c.as_string::<i32>()).filter(|c| c.is_valid(row));
            let extra = batch.ragged.iter().filter(|r| r.row == row).flat_map(|r| r.extra.iter());
            let cells: Vec<String> = cells.map(|c| c.value(row).to_uppercase()).chain(extra.map(|cell| cell.to_uppercase())).collect();
            if sought.among(&cells) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl Sought {
    fn among(&self, cells: &[String]) -> bool {
        let has = |text: &str| cells.iter().any(|cell| cell.contains(text));
        has(&self.code) || self.names.as_ref().is_some_and(|(surname, first)| has(surname) && has(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_found_by_code_or_by_both_names() {
        let sought = Sought { code: "RSSMRA80A01H501U".into(), names: Some(("ROSSI".into(), "MARIO".into())) };
        let row = |cells: &[&str]| sought.among(&cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert!(row(&["CF RSSMRA80A01H501U"]) && row(&["ROSSI MARIO", "1"]) && row(&["MARIO", "", "ROSSI"]));
        assert!(!row(&["ROSSI", "ANNA"]) && !row(&["RSSMRA80A01H501"]));
    }
}
