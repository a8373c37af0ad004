//! A delivery before anything is read: who sends what, for which period, and the receipt it gets.

use chrono::{DateTime, Utc};
use datasets::catalog::Catalog;
use datasets::model::{Contract, DatasetName, Frequency, Sender};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use warehouse::lake::Lake;
use warehouse::principal::Principal;

use crate::error::{Error, Kind, Result};
use crate::mapping::Mapping;
use crate::report::Report;

/// What a sender says of a file.
#[derive(Clone, Debug, Default)]
pub struct Incoming {
    pub dataset: String,
    /// ISTAT code of a comune, code of a district, or `lazio`.
    pub sender: String,
    pub period: String,
    pub account: String,
    /// As the sender called it; only shown, never used as a path.
    pub file_name: String,
    /// A mapping file of the dataset by name; without it the one that names the sender, else the contract's own headers.
    pub mapping: Option<String>,
}

/// The proof of arrival: once it is given, the delivery survives a crash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Derived from dataset, sender, period, mapping and content: the same delivery has the same id.
    pub id: String,
    pub dataset: String,
    pub sender: String,
    pub period: String,
    pub account: String,
    pub file: String,
    pub mapping: Option<String>,
    pub received: DateTime<Utc>,
    pub bytes: u64,
    /// SHA-256 of the content, hexadecimal.
    pub hash: String,
    /// True when the same delivery had arrived before.
    #[serde(default)]
    pub duplicate: bool,
}

impl Receipt {
    /// That of a delivery that came before, by its report.
    pub fn of(report: Report) -> Self {
        let Report { id, dataset, sender, period, account, file, mapping, received, bytes, hash, .. } = report;
        Self { id, dataset, sender, period, account, file, mapping, received, bytes, hash, duplicate: true }
    }
}

/// The id of a delivery: 32 hexadecimal digits of a SHA-256 over length-prefixed parts. `before`: how many times the same was refused whole.
pub fn id(incoming: &Incoming, hash: &str, before: u64) -> String {
    let mut digest = Sha256::new();
    for part in [&incoming.dataset, &incoming.sender, &incoming.period, incoming.mapping.as_deref().unwrap_or(""), hash] {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    if before > 0 {
        digest.update(before.to_be_bytes());
    }
    hex::encode(&digest.finalize()[..16])
}

/// The contract of an incoming delivery, once dataset, period and sender are found right.
pub async fn check<'a>(catalog: &'a Catalog, lake: &Lake, incoming: &Incoming) -> Result<&'a Contract> {
    let unknown = || Error::new(Kind::NotFound, "dataset.unknown", &incoming.dataset);
    let name: DatasetName = incoming.dataset.parse().map_err(|_| unknown())?;
    let contract = catalog.get(&name).filter(|c| c.name.area != "sistema").ok_or_else(unknown)?;
    if contract.derived.is_some() {
        return Err(Error::new(Kind::Invalid, "dataset.derived", &incoming.dataset));
    }
    if !period_fits(contract.feed.frequency, &incoming.period) {
        return Err(Error::new(Kind::Invalid, "period.invalid", &incoming.period));
    }
    if !sender_known(contract, lake, &incoming.sender).await? {
        return Err(Error::new(Kind::Invalid, "sender.unknown", &incoming.sender));
    }
    Mapping::find(&catalog.dir, contract, incoming.mapping.as_deref(), &incoming.sender)?;
    Ok(contract)
}

/// Whether `who` may deliver for the sender, by the role's `deliver` and the account's facts.
pub fn authorize(catalog: &Catalog, who: &Principal, sender: &str) -> Result<()> {
    let right = catalog.roles.get(&who.role).and_then(|r| r.deliver.as_deref());
    let own = ["codice_istat", "ambito"].iter().filter_map(|f| who.facts.get(*f)).next();
    match right {
        Some("any") => Ok(()),
        Some("own") if own.is_some_and(|o| o == sender) => Ok(()),
        _ => Err(Error::new(Kind::Forbidden, "deliver.forbidden", sender)),
    }
}

async fn sender_known(contract: &Contract, lake: &Lake, sender: &str) -> Result<bool> {
    let comuni = DatasetName { area: "territorio".into(), name: "comuni".into() };
    let column = match contract.feed.senders {
        Sender::Regione => return Ok(sender == "lazio"),
        Sender::Comune => "codice_istat",
        Sender::Ambito => "ambito",
    };
    Ok(lake.distinct(&comuni, column).await?.contains(sender))
}

/// Whether a period is written as the frequency wants it.
pub fn period_fits(frequency: Frequency, period: &str) -> bool {
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    let year = |s: &str| digits(s, 4) && ("1900".."2101").contains(&s);
    match (frequency, period.split_once('-')) {
        (Frequency::Once | Frequency::Yearly, None) => year(period),
        (Frequency::Monthly, Some((y, m))) => year(y) && digits(m, 2) && ("01".."13").contains(&m),
        (Frequency::Quarterly, Some((y, q))) => year(y) && ["Q1", "Q2", "Q3", "Q4"].contains(&q),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_frequency() {
        for (frequency, period, fits) in [
            (Frequency::Monthly, "2026-10", true),
            (Frequency::Monthly, "2026-13", false),
            (Frequency::Monthly, "2026-00", false),
            (Frequency::Monthly, "2026", false),
            (Frequency::Yearly, "2026", true),
            (Frequency::Yearly, "0026", false),
            (Frequency::Quarterly, "2026-Q4", true),
            (Frequency::Quarterly, "2026-Q5", false),
            (Frequency::Once, "2026/../x", false),
        ] {
            assert_eq!(period_fits(frequency, period), fits, "{frequency:?} {period}");
        }
    }

    #[test]
    fn an_id_depends_on_every_part_and_on_where_parts_end() {
        let one = Incoming { dataset: "a.b".into(), sender: "058091".into(), period: "2026".into(), ..Default::default() };
        let two = Incoming { sender: "0580912".into(), period: "026".into(), ..one.clone() };
        assert_ne!(id(&one, "h", 0), id(&two, "h", 0));
        assert_ne!(id(&one, "h", 0), id(&one, "i", 0));
        assert_ne!(id(&one, "h", 0), id(&one, "h", 1));
        assert_eq!(id(&one, "h", 0), id(&one.clone(), "h", 0));
    }
}
