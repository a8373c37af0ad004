//! From rows to steps: what each line needs, given what was sent of it before.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt;
use warehouse::inside::Inside;

use super::line::{self, Reason};
use super::outbox::{self, Entry, Last, Step};
use super::select::{self, Row, Rows};
use super::xml::{Document, Sender};
use super::{Built, Kind, Siuss};
use crate::error::Result;
use crate::vault::{Person, Purpose};

impl Siuss {
    /// Looks at every line of a district and puts what is new into the outbox.
    pub(super) async fn build(&self, kind: Kind, district: &str, account: &str, done: &mut Built) -> Result<()> {
        let mut inside = Inside::new(&self.lake)?;
        let mut batches = inside.ask(&select::sql(kind, district)).await?;
        let mut before = outbox::last(&self.vault, kind, district).await?;
        while let Some(batch) = batches.try_next().await? {
            let rows = Rows::new(&batch)?;
            let persons = match kind {
                Kind::Ps => self.persons(&rows, account).await?,
                Kind::Sinba => HashMap::new(),
            };
            let mut steps = Vec::new();
            for row in (0..rows.count).map(|at| rows.row(at)) {
                done.lines += 1;
                let last = before.remove(row.text("riferimento")?);
                let made = match kind {
                    Kind::Ps => line::benefit(row, persons.get(row.text("id_persona")?))?,
                    Kind::Sinba => line::sheet(row)?,
                };
                self.next(kind, row, made, last, &mut steps)?;
            }
            self.keep(kind, steps, account, done).await?;
        }
        // What is left was delivered once and is not there any more.
        let gone = before.into_values().filter(|last| revocable(kind, last)).map(|last| {
            let number = last.number + 1;
            Step::Revoke { last: Box::new(last), number }
        });
        self.keep(kind, gone.collect(), account, done).await
    }

    async fn persons(&self, rows: &Rows, account: &str) -> Result<HashMap<String, Person>> {
        let named: HashSet<&str> = (0..rows.count).filter_map(|at| rows.row(at).get("id_persona")).collect();
        let named: Vec<String> = named.into_iter().map(str::to_owned).collect();
        self.vault.identify(Purpose { account, why: "preparazione dei flussi SIUSS (D.Lgs. 147/2017 art. 24)" }, &named).await
    }

    fn next(&self, kind: Kind, row: Row<'_>, made: Result<Document, Reason>, last: Option<Last>, steps: &mut Vec<Step>) -> Result<()> {
        let own = |column: &str| row.get(column).map(str::to_owned);
        let entry = Entry {
            reference: row.text("riferimento")?.to_owned(),
            comune: row.text("codice_istat")?.to_owned(),
            district: own("ambito"),
            pseudonym: row.text("id_persona")?.to_owned(),
            body: own("codice_catastale"),
            title: own("comune"),
        };
        let held = last.as_ref().is_some_and(|last| last.flow.is_none());
        // What was held back gives its place to what takes it.
        let mut number = last.as_ref().map_or(1, |last| if held { last.number } else { last.number + 1 });
        match made {
            Ok(document) => {
                let content = self.vault.fingerprint(&document.xml("", self.sender(&entry))?);
                if let Some(last) = last.filter(|last| last.flow.is_some()) {
                    if last.operation.as_deref() == Some("I") && last.content.as_deref() == Some(content.as_str()) {
                        return Ok(());
                    }
                    if revocable(kind, &last) {
                        steps.push(Step::Revoke { last: Box::new(last), number });
                        number += 1;
                    }
                }
                let (operator, sent) = (self.operator.clone(), entry.clone());
                let text = move |name: &str| document.xml(name, sender(&sent, &operator));
                steps.push(Step::Send { entry, number, content, text: Box::new(text) });
            }
            Err(reason) => {
                if held && last.as_ref().is_some_and(|last| last.reason.as_deref() == Some(reason)) {
                    return Ok(());
                }
                if let Some(last) = last.filter(|last| revocable(kind, last)) {
                    steps.push(Step::Revoke { last: Box::new(last), number });
                    number += 1;
                }
                steps.push(Step::Hold { entry, number, reason });
            }
        }
        Ok(())
    }

    async fn keep(&self, kind: Kind, steps: Vec<Step>, account: &str, done: &mut Built) -> Result<()> {
        for step in &steps {
            match step {
                Step::Hold { .. } => done.held += 1,
                Step::Send { .. } => done.flows += 1,
                Step::Revoke { .. } => {
                    done.flows += 1;
                    done.revoked += 1;
                }
            }
        }
        outbox::write(&self.vault, kind, &steps, account).await
    }

    fn sender<'a>(&'a self, entry: &'a Entry) -> Sender<'a> {
        sender(entry, &self.operator)
    }
}

fn sender<'a>(entry: &'a Entry, operator: &'a str) -> Sender<'a> {
    Sender { code: entry.body.as_deref().unwrap_or_default(), name: entry.title.as_deref().unwrap_or_default(), operator }
}

/// Whether a line's newest flow stands at INPS and can be taken back: a sheet has no revocation, a refused flow does not stand.
fn revocable(kind: Kind, last: &Last) -> bool {
    kind == Kind::Ps && last.operation.as_deref() == Some("I") && last.state != "rifiutata"
}
