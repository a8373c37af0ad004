//! `siss verify`: who signed a file, is it unchanged, and may the signature be relied on?

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::{DateTime, NaiveDate, Utc};
use ingest::signature::apart::{self, Request};
use ingest::signature::kept;
use ingest::signature::trust::Trust;
use serde_json::Value;

use crate::commands::deliver::Language;
use crate::commands::examine;

mod show;

/// One of the files is not valid.
const FAILED: u8 = 4;
/// None is invalid, but of one it cannot be decided.
const INDETERMINATE: u8 = 3;

/// Verifies signed files: CAdES (.p7m, .p7s), PAdES (.pdf), timestamps (.tsd, .tsr), without network
///
/// Ends with 0 if all are TOTAL-PASSED, 3 if one is INDETERMINATE, 4 if one is TOTAL-FAILED, 1 if the question itself is wrong.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Prints one JSON object a line
    #[arg(long)]
    pub json: bool,
    /// The document that a detached signature signs
    #[arg(long, value_name = "FILE")]
    pub content: Option<PathBuf>,
    /// Timestamp of the whole file that came beside it (.tsr, .tst)
    #[arg(long, value_name = "FILE")]
    pub timestamp: Vec<PathBuf>,
    /// Certificates that the file does not carry, PEM or DER; none of them is trusted for being here
    #[arg(long, value_name = "FILE")]
    pub cert: Vec<PathBuf>,
    /// Revocation list, PEM or DER
    #[arg(long, value_name = "FILE")]
    pub crl: Vec<PathBuf>,
    /// OCSP answer, DER
    #[arg(long, value_name = "FILE")]
    pub ocsp: Vec<PathBuf>,
    /// Whom to trust: trusted list (ETSI TS 119 612, XML), certificates (PEM, DER), or a folder of them
    #[arg(long, env = "SISS_TRUST", value_name = "FILE|DIR", value_delimiter = ':')]
    pub trust: Vec<PathBuf>,
    /// Time of the verification, such as 2026-11-29 or 2026-11-29T10:00:00Z [default: the present]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub at: Option<DateTime<Utc>>,
    /// Fiscal code of who must have signed
    #[arg(long, value_name = "CODE")]
    pub signer: Option<String>,
    /// As the intake judges: active content of a PDF does not pass
    #[arg(long)]
    pub intake: bool,
    /// Keeps certificates, revocation answers, trusted lists and the report of each file in DIR
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Repeats a verification from the evidence kept in DIR, at the time of then
    #[arg(long, value_name = "DIR", conflicts_with_all = ["timestamp", "cert", "crl", "ocsp", "at", "signer", "intake", "evidence"])]
    pub from: Option<PathBuf>,
    /// Language of what people read
    #[arg(long, env = "SISS_LANG", value_enum, default_value_t = Language::It, value_name = "LANGUAGE")]
    pub lang: Language,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let command = examine::command()?;
    let trust = lists(&args.trust)?;
    if args.from.is_none() {
        // A list that cannot be read is the operator's mistake, not the files'.
        Trust::read(&trust).map_err(anyhow::Error::msg)?;
    }
    let now = args.at.unwrap_or_else(Utc::now);
    let mut worst = 0;
    for file in &args.files {
        let request = match &args.from {
            Some(folder) => kept::recall(folder, file, args.content.as_deref()).with_context(|| file.display().to_string())?,
            None => request(&args, file, &trust, now),
        };
        let report = apart::examine(&command, &request);
        if let Some(folder) = args.evidence.as_ref().filter(|_| file.is_file()) {
            kept::keep(folder, &request, &report).with_context(|| folder.display().to_string())?;
        }
        worst = worst.max(match report["result"].as_str() {
            Some("TOTAL-PASSED") => 0,
            Some("TOTAL-FAILED") => FAILED,
            _ => INDETERMINATE,
        });
        print(&report, &args)?;
    }
    Ok(ExitCode::from(worst))
}

fn request(args: &Args, file: &Path, trust: &[PathBuf], at: DateTime<Utc>) -> Request {
    Request {
        file: file.to_path_buf(),
        content: args.content.clone(),
        timestamps: args.timestamp.clone(),
        certificates: args.cert.clone(),
        revocation: [args.crl.as_slice(), &args.ocsp].concat(),
        trust: trust.to_vec(),
        at,
        signer: args.signer.clone(),
        intake: args.intake,
    }
}

/// The files of folders of trust, in the order of their names.
fn lists(given: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in given.iter().filter(|path| !path.as_os_str().is_empty()) {
        if !path.is_dir() {
            found.push(path.clone());
            continue;
        }
        let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).with_context(|| path.display().to_string())?;
        let is_list =
            |path: &PathBuf| path.extension().and_then(|end| end.to_str()).is_some_and(|end| ["xml", "xtsl", "pem", "crt", "cer", "der"].contains(&end));
        let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_list).collect();
        if files.is_empty() {
            bail!("{}: no trusted list (.xml, .xtsl) and no certificate (.pem, .crt, .cer, .der)", path.display());
        }
        files.sort();
        found.extend(files);
    }
    Ok(found)
}

fn print(report: &Value, args: &Args) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let written = if args.json {
        serde_json::to_writer(&mut out, report).map_err(std::io::Error::from).and_then(|()| writeln!(out))
    } else {
        show::show(&mut out, report, args.lang)
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads our output may stop, as `head` does.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A day, or a time with its zone.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.with_timezone(&Utc))
        .map_err(|_| "neither a day (2026-11-29) nor a time with its zone (2026-11-29T10:00:00Z)".to_string())
}
