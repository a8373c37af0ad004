//! What of a computed dataset is out of date: the districts of whoever changed its inputs since it was last computed.

use std::collections::BTreeSet;

use datasets::model::DatasetName;

use crate::derived::Inner;
use crate::derived::inputs::Pinned;
use crate::error::{Error, Result};
use crate::lake::{Changed, Origin};

/// What is to be computed.
#[derive(Debug, PartialEq, Eq)]
pub enum Work {
    Nothing,
    All,
    Districts(BTreeSet<String>),
}

impl Inner {
    /// Compares what the dataset was computed from with what it would be computed from.
    pub(super) async fn work(&self, name: &DatasetName, wanted: &Origin, pinned: &Pinned) -> Result<Work> {
        let remembered = self.known.lock().get(name).filter(|known| known.failed.is_none()).map(|known| known.origin.clone());
        let last = match remembered {
            Some(origin) => Some(origin),
            None => self.warehouse.lake().origin(name).await?,
        };
        let Some(last) = last.filter(|last| last.definition == wanted.definition) else { return Ok(Work::All) };
        let by_district = self.by_district(name)?;
        let mut districts = BTreeSet::new();
        for (input, to) in &wanted.inputs {
            let from = match last.inputs.get(input) {
                Some(from) if from <= to => *from,
                _ => return Ok(Work::All),
            };
            let dataset: DatasetName = input.parse().map_err(|e: String| Error::internal("derived.input", e))?;
            let senders = match self.warehouse.lake().changed(&dataset, from, *to).await? {
                Changed::By(senders) => senders,
                Changed::Perhaps => return Ok(Work::All),
            };
            for sender in senders {
                match pinned.territory.district_of(&sender) {
                    Some(district) if by_district => drop(districts.insert(district.to_owned())),
                    _ => return Ok(Work::All),
                }
            }
        }
        Ok(if districts.is_empty() { Work::Nothing } else { Work::Districts(districts) })
    }

    /// Whether a row follows from rows of its own district alone. Of an indicator's base rows that is always so.
    fn by_district(&self, name: &DatasetName) -> Result<bool> {
        let derived = self.contract(name)?.derived.as_ref();
        Ok(self.warehouse.catalog().indicators.contains_key(name) || derived.is_some_and(|derived| derived.by.is_some()))
    }
}
