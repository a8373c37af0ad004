//! One delivery from received bytes to a report: read, lay out, judge, write, commit. Reading, judging and writing run side
//! by side, so that a large file uses the machine; memory holds a few batches whatever the size.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use chrono::Utc;
use datasets::model::{Contract, Severity, Text, Type};
use tokio::sync::mpsc;
use warehouse::inside::OVER_MEMORY;
use warehouse::lake::{Lake, Load, Writer};

use crate::check::{Checked, Checker, Rules};
use crate::convert::{Evidence, Formats, evidence};
use crate::error::{Error, Result};
use crate::findings::{Files, Findings};
use crate::identity::{Identity, Veil};
use crate::incoming::Receipt;
use crate::late::Late;
use crate::layout::Layout;
use crate::mapping::{Mapping, Mark};
use crate::messages::sentence;
use crate::read::{self, Bounds, Source, TextBatch, Understanding};
use crate::report::{Outcome, Report, Violation};
use crate::unique::{Keys, Repeated};
use crate::vault::{HIDDEN, Vault};

/// A delivery's report with the files that go beside it.
pub struct Finished {
    pub report: Report,
    pub files: Files,
}

/// What is told while a delivery runs: rows read so far.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// Counts of one delivery.
#[derive(Default)]
struct Tally {
    rows: u64,
    refused: u64,
    warned: u64,
}

/// Runs a delivery. A file that cannot be used is a report that refuses it, not an error.
pub async fn run(lake: &Lake, vault: &Vault, rules: Arc<Rules>, receipt: &Receipt, raw: &Path, bounds: &Bounds, progress: Progress<'_>) -> Result<Finished> {
    let contract = &rules.contract;
    let mut findings = Findings::new()?;
    let mapping = Mapping::find(&lake.catalog().dir, contract, receipt.mapping.as_deref(), &receipt.sender)?;
    let hints = mapping.as_ref().map(|m| m.file.hints.clone()).unwrap_or_default();
    let mut report = blank(contract, receipt, mapping.as_ref());
    let opened = {
        let (raw, bounds) = (raw.to_owned(), bounds.clone());
        blocking(move || Ok(read::open(&raw, &hints, &bounds))).await?
    };
    let source = match opened {
        Ok(source) => source,
        Err(e) => {
            findings.add(whole(e))?;
            return close(report, findings, Tally::default());
        }
    };
    let identity = Identity::of(contract, vault);
    report.understanding = shown(&source.understanding, identity.is_some())?;
    let tally =
        load(lake, vault, rules.clone(), receipt, raw, bounds, mapping.as_ref(), source, identity.clone(), &mut findings, &mut report, progress).await?;
    if identity.is_some() && report.table_version.is_none() {
        vault.dismiss(&receipt.id).await?;
    }
    close(report, findings, tally.unwrap_or_default())
}

/// `None` when the file was refused whole; the findings say why.
#[allow(clippy::too_many_arguments)]
async fn load(
    lake: &Lake,
    vault: &Vault,
    rules: Arc<Rules>,
    receipt: &Receipt,
    raw: &Path,
    bounds: &Bounds,
    mapping: Option<&Mapping>,
    mut source: Source,
    identity: Option<Identity>,
    findings: &mut Findings,
    report: &mut Report,
    progress: Progress<'_>,
) -> Result<Option<Tally>> {
    let contract = &rules.contract;
    let tells = identity.is_some();
    let (first, mut source) = blocking(move || Ok((source.next(), source))).await?;
    let first = match first {
        Ok(first) => first,
        Err(e) => {
            findings.add(whole(e))?;
            return Ok(None);
        }
    };
    let header = header(&source.understanding, first.as_ref());
    let (layout, mut seen) = Layout::new(contract, mapping, &header, lake).await?;
    if let Some(identity) = &identity {
        findings.veil(Veil::new(layout.straight(header.fields().len(), |column| !identity.hides(column))));
        // Where a header was expected there may be a person.
        for finding in seen.iter_mut().filter(|f| f.rule == "file.no_header") {
            (finding.column, finding.message) = (None, sentence("file.no_header", HIDDEN));
            report.understanding.iter_mut().for_each(|understanding| hide(understanding, &["header", "header_text"]));
        }
    }
    let stops = seen.iter().any(|v| v.severity == Severity::Error);
    seen.into_iter().try_for_each(|v| findings.add(v))?;
    if stops {
        return Ok(None);
    }
    let formats = formats(contract, mapping, &layout, first.as_ref(), &source.understanding)?;
    let checker = Checker::new(rules.clone(), &receipt.sender, formats, lake, identity).await?;
    let said = checker.repeated();
    let mut writer = lake.writer(&contract.name, load_of(contract, receipt)).await?;

    let (send_text, mut text) = mpsc::channel::<Result<TextBatch, read::ReadError>>(2);
    let reading = tokio::task::spawn_blocking(move || {
        let mut next = Ok(first);
        while let Ok(Some(batch)) = next {
            if send_text.blocking_send(Ok(batch)).is_err() {
                return source;
            }
            next = source.next();
        }
        if let Err(e) = next {
            let _ = send_text.blocking_send(Err(e));
        }
        source
    });
    let (send_judged, mut judged) = mpsc::channel::<Result<(TextBatch, Checked), Whole>>(2);
    let judging = tokio::task::spawn_blocking(move || {
        let mut judge = Judge { layout, checker, keys: None };
        while let Some(batch) = text.blocking_recv() {
            let one = batch.map_err(Whole::Read).and_then(|b| judge.judge(b).map_err(Whole::Fault));
            let ends = one.is_err();
            if send_judged.blocking_send(one).is_err() || ends {
                break;
            }
        }
        judge.keys
    });
    let outcome = consume(&mut judged, &mut writer, vault, &receipt.id, findings, progress).await;
    drop(judged);
    let keys = judging.await.map_err(|e| Error::internal("deliver.judge", e))?;
    let source = reading.await.map_err(|e| Error::internal("deliver.read", e))?;
    report.understanding = shown(&source.understanding, tells)?;
    let mut tally = match outcome {
        Ok(done) => done,
        Err(Whole::Fault(e)) => {
            writer.abort().await;
            return Err(e);
        }
        Err(Whole::Read(e)) => {
            writer.abort().await;
            findings.add(whole(e))?;
            return Ok(None);
        }
    };
    let mut late = Late::default();
    late.repeated(said, keys, findings).await?;
    if tally.rows > tally.refused + late.refused() {
        match late.together(contract, lake, &mut writer, findings).await {
            // It would need as much the next time.
            Err(e) if e.code == OVER_MEMORY => {
                writer.abort().await;
                findings.add(about_file("delivery.rule_memory", &(lake.rule_bytes() >> 20).to_string()))?;
                return Ok(None);
            }
            done => done?,
        }
    }
    let refused = late.lines();
    late.keep(&refused, raw, mapping, bounds, findings)?;
    tally.refused += late.refused();
    tally.warned += late.warned();
    // A file whose every row is wrong says nothing: in particular it must not replace what the sender had delivered before.
    if tally.rows > 0 && tally.refused == tally.rows {
        writer.abort().await;
        return Ok(Some(tally));
    }
    if contract.columns.iter().any(|c| c.identity == Some(datasets::model::Identity::Vault)) {
        vault.admit(&receipt.id, &refused).await?;
    }
    let commit = writer.commit(&refused).await?;
    report.table_version = Some(commit.version);
    (report.added, report.closed, report.unchanged, report.replaced) = (commit.added, commit.closed, commit.unchanged, commit.replaced);
    Ok(Some(tally))
}

/// Why a file stops: it cannot be read further, or we failed.
enum Whole {
    Read(read::ReadError),
    Fault(Error),
}

/// What judges the batches of one delivery, in their order.
struct Judge {
    layout: Layout,
    checker: Checker,
    keys: Option<Keys>,
}

impl Judge {
    fn judge(&mut self, batch: TextBatch) -> Result<(TextBatch, Checked)> {
        let mut checked = self.checker.check(&batch.lines, self.layout.cells(&batch.columns)?, &batch.ragged)?;
        if !checked.keys.is_empty() {
            let keys = match &mut self.keys {
                Some(keys) => keys,
                none => none.insert(Keys::new(&checked.keys)?),
            };
            let known = keys.add(&checked.keys, &checked.lines, &checked.stands)?;
            let said = self.checker.repeated();
            checked.doubtful = known.doubtful;
            checked.refuse(known.repeated.into_iter().map(|(row, repeated)| (row, about_key(&said, repeated))).collect());
        }
        Ok((batch, checked))
    }
}

async fn consume(
    judged: &mut mpsc::Receiver<Result<(TextBatch, Checked), Whole>>,
    writer: &mut Writer,
    vault: &Vault,
    delivery: &str,
    findings: &mut Findings,
    progress: Progress<'_>,
) -> Result<Tally, Whole> {
    let mut tally = Tally::default();
    while let Some(next) = judged.recv().await {
        let (batch, mut checked) = next?;
        for finding in std::mem::take(&mut checked.findings) {
            findings.add(finding).map_err(Whole::Fault)?;
        }
        for row in (0..checked.stands.len()).filter(|r| !checked.stands.value(*r)) {
            findings.refuse(&batch, row).map_err(Whole::Fault)?;
            tally.refused += 1;
        }
        for row in &checked.doubtful {
            findings.set_aside(&batch, *row).map_err(Whole::Fault)?;
        }
        let persons = checked.persons();
        if !persons.is_empty() {
            vault.arrive(delivery, &persons).await.map_err(Whole::Fault)?;
        }
        tally.rows += batch.lines.len() as u64;
        tally.warned += checked.warned();
        let (sure, doubtful) = checked.valid().map_err(Whole::Fault)?;
        writer.write(sure).await.map_err(|e| Whole::Fault(e.into()))?;
        if let Some(doubtful) = doubtful {
            writer.write_doubtful(doubtful).await.map_err(|e| Whole::Fault(e.into()))?;
        }
        progress(tally.rows);
    }
    Ok(tally)
}

/// What is said of a row whose key stands on an earlier line.
pub fn about_key(said: &Text, repeated: Repeated) -> Violation {
    let mut message = said.clone();
    message.it = format!("{} (riga {})", message.it.trim_end_matches('.'), repeated.first);
    message.en = format!("{} (row {})", message.en.trim_end_matches('.'), repeated.first);
    Violation { line: Some(repeated.line), column: None, rule: "key.unique".into(), severity: Severity::Error, value: None, message }
}

fn header(understanding: &Understanding, first: Option<&TextBatch>) -> SchemaRef {
    use arrow::datatypes::{DataType, Field, Schema};
    match first {
        Some(batch) => batch.columns.schema(),
        None => Arc::new(Schema::new(understanding.header.iter().map(|h| Field::new(h, DataType::Utf8, true)).collect::<Vec<_>>())),
    }
}

/// The decimal mark declared by the mapping, else the one the first batch proves, else the one its separator suggests.
fn formats(contract: &Contract, mapping: Option<&Mapping>, layout: &Layout, first: Option<&TextBatch>, understanding: &Understanding) -> Result<Formats> {
    let null = mapping.map(|m| m.file.null.clone()).unwrap_or_default();
    let declared = mapping.and_then(|m| m.file.decimal);
    if declared.is_some() {
        return Ok(Formats { decimal: declared, null });
    }
    let mut found = Evidence::default();
    if let Some(batch) = first {
        for (column, cells) in contract.columns.iter().zip(layout.cells(&batch.columns)?) {
            if matches!(column.r#type, Type::Decimal(..) | Type::Double) {
                let one = evidence(&cells);
                found.comma += one.comma;
                found.point += one.point;
            }
        }
    }
    let suggested = understanding.dialect.as_ref().filter(|d| d.delimiter == ";").map(|_| Mark::Comma);
    let decimal = found.mark().or(suggested.filter(|_| found == Evidence::default()));
    Ok(Formats { decimal, null })
}

fn load_of(contract: &Contract, receipt: &Receipt) -> Load {
    Load {
        delivery: receipt.id.clone(),
        sender: receipt.sender.clone(),
        period: receipt.period.clone(),
        account: receipt.account.clone(),
        recorded: receipt.received,
        content_hash: receipt.hash.clone(),
        contract_version: contract.version.clone(),
    }
}

/// How the file was read. Lines before the header and names of sheets may name a person.
fn shown(understanding: &Understanding, tells_persons: bool) -> Result<Option<serde_json::Value>> {
    let mut shown = serde_json::to_value(understanding).map_err(|e| Error::internal("deliver.understanding", e))?;
    if tells_persons {
        hide(&mut shown, &["preamble", "sheets"]);
    }
    Ok(Some(shown))
}

fn hide(understanding: &mut serde_json::Value, parts: &[&str]) {
    parts.iter().for_each(|part| understanding[*part] = serde_json::json!([]));
}

/// What is wrong with a file as a whole, whose sentence stands in `messages.toml`.
fn about_file(rule: &str, detail: &str) -> Violation {
    Violation { line: None, column: None, rule: rule.to_owned(), severity: Severity::Error, value: None, message: sentence(rule, detail) }
}

fn whole(e: read::ReadError) -> Violation {
    Violation { line: None, column: None, rule: "file.unreadable".to_owned(), severity: Severity::Error, value: None, message: Text { it: e.it, en: e.en } }
}

fn blank(contract: &Contract, receipt: &Receipt, mapping: Option<&Mapping>) -> Report {
    Report {
        id: receipt.id.clone(),
        dataset: receipt.dataset.clone(),
        sender: receipt.sender.clone(),
        period: receipt.period.clone(),
        account: receipt.account.clone(),
        file: receipt.file.clone(),
        received: receipt.received,
        processed: Utc::now(),
        bytes: receipt.bytes,
        hash: receipt.hash.clone(),
        contract_version: contract.version.clone(),
        mapping: mapping.map(|m| m.name.clone()),
        outcome: Outcome::Rifiutata,
        summary: sentence("summary.refused", ""),
        rows: 0,
        accepted: 0,
        refused: 0,
        warnings: 0,
        added: 0,
        closed: 0,
        unchanged: 0,
        replaced: 0,
        table_version: None,
        duplicate: false,
        understanding: None,
        violations: Vec::new(),
        violations_total: 0,
        violations_complete: true,
    }
}

fn close(mut report: Report, findings: Findings, tally: Tally) -> Result<Finished> {
    let (shown, total, files) = findings.finish()?;
    (report.rows, report.refused, report.warnings) = (tally.rows, tally.refused, tally.warned);
    report.accepted = tally.rows - tally.refused;
    let loaded = report.table_version.is_some();
    report.outcome = match (loaded, report.refused) {
        (true, 0) => Outcome::Accettata,
        (true, _) => Outcome::Parziale,
        (false, _) => Outcome::Rifiutata,
    };
    let code = match report.outcome {
        Outcome::Accettata => "summary.accepted",
        Outcome::Parziale => "summary.partial",
        Outcome::Rifiutata => "summary.refused",
    };
    report.summary = sentence(code, &format!("{}/{}", report.accepted, report.rows));
    report.violations_complete = shown.len() as u64 == total;
    report.violations = shown;
    report.violations_total = total;
    report.processed = Utc::now();
    Ok(Finished { report, files })
}

pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::internal("deliver.task", e))?
}
