//! Records what is read of persons, and of this log: at the one place where answers of sessions and of workers pass, so that no door and no
//! page can forget it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datasets::catalog::Catalog;
use datasets::model::Class;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::audit::{Action, Audit, Event, Origin, Outcome};
use crate::error::{Error, Kind, Result};
use crate::inside::HISTORY;
use crate::principal::Principal;
use crate::session::outline::{Step, What};
use crate::statement::{self, Rows};

/// The log itself: who reads it is recorded too.
const LOG: &str = "sistema.audit";

/// Which answers are recorded. Cloning is cheap.
#[derive(Clone)]
pub struct Reads {
    audit: Audit,
    /// By role, the datasets in which it sees a column of persons as it is stored.
    personal: Arc<BTreeMap<String, BTreeSet<String>>>,
}

impl Reads {
    pub fn new(audit: &Audit, catalog: &Catalog) -> Self {
        let mut personal: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for contract in catalog.contracts.values() {
            for access in &contract.access {
                let shown = |class: Class| class >= Class::Personal && access.classes.contains(&class);
                let tells = contract.in_lake().any(|c| shown(c.class) && !access.mask.contains_key(&c.name));
                if tells || contract.name.to_string() == LOG {
                    for role in &access.roles {
                        personal.entry(role.clone()).or_default().insert(contract.name.to_string());
                    }
                }
            }
        }
        Self { audit: audit.clone(), personal: Arc::new(personal) }
    }

    /// The same rows. If they tell of persons, the first leave only when that they do is on disk; a longer answer gets a second record of the
    /// rest at its end, so that a crash in between hides nothing but how many there were. `door` where it is not that of the request.
    pub fn watched(&self, who: &Principal, door: Option<statement::Door>, rows: Rows) -> Rows {
        let action = if Origin::current().export { Action::Export } else { Action::Read };
        let Some(mut event) = self.event(who, action, rows.snapshot.keys().map(String::as_str)) else { return rows };
        if let Some(door) = door {
            event = event.door(door.into());
        }
        let watch = Watch { audit: self.audit.clone(), event, unsaid: 0, began: false };
        Rows { batches: watch.over(rows.batches), ..rows }
    }

    /// Records that somebody was told how many rows of persons meet conditions of theirs, which may tell whether a person is there.
    pub async fn counted(&self, who: &Principal, steps: &[Step]) -> Result<()> {
        let tables = steps.iter().filter_map(|step| match &step.what {
            What::Read { table, .. } => table.split('@').next().map(|name| name.strip_suffix(HISTORY).unwrap_or(name)),
            _ => None,
        });
        match self.event(who, Action::Read, tables) {
            Some(event) => self.audit.record(event.count(0)).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// What is recorded of an answer from these tables; `None` when none of them tells the role of persons.
    fn event<'a>(&self, who: &Principal, action: Action, tables: impl Iterator<Item = &'a str>) -> Option<Event> {
        let told = self.personal.get(&who.role)?;
        // A version of a table stands behind its name: `assa.strutture@v12`.
        let read: BTreeSet<&str> = tables.map(|name| name.split('@').next().unwrap_or(name)).filter(|name| told.contains(*name)).collect();
        if read.is_empty() {
            return None;
        }
        let event = Event::new(action, read.into_iter().collect::<Vec<_>>().join(", ")).by(who);
        Some(match Origin::current().operator {
            Some(operator) => event.why(format!("comando di {operator}")),
            None => event,
        })
    }
}

/// An answer under way.
struct Watch {
    audit: Audit,
    event: Event,
    /// Rows handed on that no record counts yet.
    unsaid: u64,
    began: bool,
}

impl Watch {
    fn over(self, batches: BoxStream<'static, Result<RecordBatch>>) -> BoxStream<'static, Result<RecordBatch>> {
        let watched = stream::unfold(Some((self, batches)), |state| async move {
            let (mut watch, mut batches) = state?;
            match batches.next().await {
                Some(Ok(batch)) => match watch.pass(batch.num_rows() as u64).await {
                    Ok(()) => Some((Ok(batch), Some((watch, batches)))),
                    Err(error) => Some((Err(error), None)),
                },
                Some(Err(error)) => {
                    let outcome = if error.kind == Kind::Internal { Outcome::Failed } else { Outcome::Refused };
                    let said = watch.end(outcome).await;
                    Some((Err(said.err().unwrap_or(error)), None))
                }
                None => watch.end(Outcome::Ok).await.err().map(|error: Error| (Err(error), None)),
            }
        });
        watched.boxed()
    }

    async fn pass(&mut self, rows: u64) -> Result<()> {
        if self.began {
            self.unsaid += rows;
            return Ok(());
        }
        self.began = true;
        self.audit.record(self.event.clone().count(rows)).await.map(|_| ())
    }

    async fn end(&mut self, outcome: Outcome) -> Result<()> {
        let rows = std::mem::take(&mut self.unsaid);
        if self.began && rows == 0 && outcome == Outcome::Ok {
            return Ok(());
        }
        self.began = true;
        self.audit.record(self.event.clone().outcome(outcome).count(rows)).await.map(|_| ())
    }
}

impl Drop for Watch {
    /// The reader left: what it was given counts.
    fn drop(&mut self) {
        if self.unsaid > 0 {
            self.audit.post(self.event.clone().count(self.unsaid));
        }
    }
}
