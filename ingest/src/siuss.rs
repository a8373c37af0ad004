//! The national flows (SIUSS, D.Lgs. 147/2017 art. 24): each benefit and each sheet of a minor as one document, one beneficiary and one
//! benefit, in an outbox that INPS reads in the order of time. What cannot be sent is held back with its reason; what was sent and no
//! longer holds is revoked. `sistema.siuss` shows all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use datasets::model::DatasetName;
use warehouse::lake::{Changed, Lake};

use crate::deliver::Deliveries;
use crate::error::{Error, Result};
use crate::vault::Vault;

mod build;
mod line;
mod outbox;
mod select;
mod status;
mod xml;

pub use self::outbox::{Flow, Outcome};

/// The national flows of one lake. Cloning is cheap.
#[derive(Clone)]
pub struct Siuss {
    lake: Lake,
    vault: Vault,
    /// Fiscal code of who is responsible for the sending, which every document names.
    operator: Arc<str>,
    /// One run at a time in this process.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// The kinds of flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Benefits, with the assessment of non-self-sufficiency.
    Ps,
    /// Sheets of minors.
    Sinba,
}

impl Kind {
    /// As INPS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ps => "PS_PSA_SINA",
            Self::Sinba => "SINBA",
        }
    }

    /// As it stands in the name of a flow.
    fn short(self) -> &'static str {
        match self {
            Self::Ps => "PS",
            Self::Sinba => "SINBA",
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, serde::Serialize)]
pub struct Built {
    /// Lines looked at.
    pub lines: u64,
    /// Flows put into the outbox, revocations among them.
    pub flows: u64,
    pub revoked: u64,
    /// Lines held back.
    pub held: u64,
}

/// Who sends for the region: its own fiscal code.
pub const OPERATOR: &str = "80143490581";

/// What the flows are made of; those of `territorio` concern every sender.
const INPUTS: [&str; 8] = [
    "sigess.erogazioni",
    "sigess.interventi",
    "sigess.persone",
    "sigess.isee",
    "sigess.valutazioni",
    "sigess.minori",
    "territorio.comuni",
    "territorio.nomenclatore",
];

impl Siuss {
    pub fn new(deliveries: &Deliveries, operator: &str) -> Self {
        Self { lake: deliveries.lake().clone(), vault: deliveries.vault().clone(), operator: operator.into(), turn: Arc::default() }
    }

    /// Builds what is new since the last run and brings `sistema.siuss` up to date. `account` is written to `sistema.audit`.
    pub async fn run(&self, account: &str) -> Result<Built> {
        let _turn = self.turn.lock().await;
        let mut done = Built::default();
        let mut seen = Vec::new();
        let mut senders = Changed::By(BTreeSet::new());
        for input in INPUTS {
            let name = dataset(input)?;
            let version = self.lake.refresh(&name).await?.version;
            let before = crate::vault::mark(&self.vault, &mark(input)).await?.and_then(|text| text.parse::<u64>().ok());
            let changed = match before {
                Some(before) if before == version => Changed::By(BTreeSet::new()),
                Some(before) if before < version => self.lake.changed(&name, before, version).await?,
                _ => Changed::Perhaps,
            };
            let everybody = name.area == "territorio" && changed != Changed::By(BTreeSet::new());
            senders = match (senders, changed) {
                (Changed::By(mut some), Changed::By(more)) if !everybody => {
                    some.extend(more);
                    Changed::By(some)
                }
                _ => Changed::Perhaps,
            };
            seen.push((input, version));
        }
        let districts: Vec<String> = match senders {
            Changed::By(some) => some.into_iter().collect(),
            Changed::Perhaps => {
                let all = self.lake.distinct(&dataset("territorio.comuni")?, "ambito").await?;
                let mut all: Vec<String> = all.iter().cloned().collect();
                all.sort();
                all
            }
        };
        for district in &districts {
            for kind in [Kind::Ps, Kind::Sinba] {
                self.build(kind, district, account, &mut done).await?;
            }
        }
        for (input, version) in seen {
            crate::vault::set_mark(&self.vault, &mark(input), &version.to_string()).await?;
        }
        self.publish().await?;
        Ok(done)
    }

    /// Whether there may be something to build; costs one look-up for each input.
    pub async fn due(&self) -> Result<bool> {
        for input in INPUTS {
            let version = self.lake.refresh(&dataset(input)?).await?.version;
            if crate::vault::mark(&self.vault, &mark(input)).await?.as_deref() != Some(version.to_string().as_str()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn mark(input: &str) -> String {
    format!("siuss-{input}")
}

fn dataset(name: &str) -> Result<DatasetName> {
    name.parse().map_err(|e: String| Error::internal("siuss.dataset", e))
}
