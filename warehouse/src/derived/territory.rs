//! Which municipality lies in which district, health authority and province.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datasets::indicator::{Level, REGION};

use crate::error::{Error, Result};

/// A municipality's places, or those of a district as its municipalities have them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub district: String,
    pub authority: String,
    pub province: String,
}

#[derive(Clone, Debug, Default)]
pub struct Territory {
    municipalities: BTreeMap<String, Place>,
    districts: BTreeMap<String, Place>,
}

impl Territory {
    /// From rows of `codice_istat`, `ambito`, `asl`, `sigla_provincia`.
    pub fn new(batches: &[RecordBatch]) -> Result<Self> {
        let mut territory = Self::default();
        for batch in batches {
            let column = |i: usize| cast(batch.column(i), &DataType::Utf8).map_err(|e| Error::internal("derived.territory", e));
            let columns = [column(0)?, column(1)?, column(2)?, column(3)?];
            for row in 0..batch.num_rows() {
                let text = |i: usize| columns[i].as_string::<i32>().value(row).to_owned();
                let place = Place { district: text(1), authority: text(2), province: text(3) };
                territory.districts.entry(place.district.clone()).or_insert_with(|| place.clone());
                territory.municipalities.insert(text(0), place);
            }
        }
        Ok(territory)
    }

    /// The district that a sender's rows are of: itself, or that of the municipality. `None` for the region.
    pub fn district_of(&self, sender: &str) -> Option<&str> {
        self.districts.get_key_value(sender).map(|(name, _)| name.as_str()).or_else(|| self.municipalities.get(sender).map(|place| place.district.as_str()))
    }

    /// Who sends what concerns some districts: these, their municipalities, and the region.
    pub fn bodies(&self, districts: &BTreeSet<String>) -> Vec<String> {
        let municipalities = self.municipalities.iter().filter(|(_, place)| districts.contains(&place.district)).map(|(code, _)| code);
        municipalities.chain(districts).cloned().chain([REGION.to_owned()]).collect()
    }

    /// Code of the place at `level` that a unit of `base` lies in.
    pub fn above(&self, base: Level, unit: &str, level: Level) -> Option<String> {
        let place = if base == Level::Comune { self.municipalities.get(unit) } else { self.districts.get(unit) }?;
        Some(match level {
            Level::Comune => unit.to_owned(),
            Level::Ambito => place.district.clone(),
            Level::Asl => place.authority.clone(),
            Level::Provincia => place.province.clone(),
            Level::Regione => REGION.to_owned(),
        })
    }

    /// Every unit of a base level.
    pub fn units(&self, base: Level) -> BTreeSet<&str> {
        let all = if base == Level::Comune { &self.municipalities } else { &self.districts };
        all.keys().map(String::as_str).collect()
    }
}
