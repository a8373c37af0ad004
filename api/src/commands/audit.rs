//! `siss audit`: is the log of who did what still what was written?

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use chrono::DateTime;
use serde_json::json;
use warehouse::audit::checkpoint::Checkpoint;
use warehouse::audit::key::PublicKey;
use warehouse::audit::reader::Reader;
use warehouse::audit::record::Record;
use warehouse::audit::verify::{Broken, Reason, Verdict, Whole, verify};
use warehouse::audit::{Action, Event};

use crate::commands::deliver::Language;
use crate::config::Data;

/// The log is not what was written.
const BROKEN: u8 = 4;
/// Records read at a time.
const SOME: usize = 1_000;

/// Verifies the log of who did what, signs how far it goes, and shows its records
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    pub doing: Doing,
}

#[derive(clap::Subcommand, Debug)]
pub enum Doing {
    /// Reads the whole log; ends with 0 if it is whole, and else names the first record that is changed or missing and ends with 4
    ///
    /// A server may go on working. Give it checkpoints that were kept elsewhere: without them nobody can tell a log that was written anew
    /// by whoever holds its key.
    #[command(verbatim_doc_comment)]
    Verify {
        #[command(flatten)]
        data: Data,
        /// Checkpoints that `siss audit checkpoint` printed, one a line; repeatable
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Public key to verify with, 64 hexadecimal digits [default: that of the key file, else the one beside the log]
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
        /// Language of what people read
        #[arg(long, env = "SISS_LANG", value_enum, default_value_t = Language::It, value_name = "LANGUAGE")]
        lang: Language,
    },
    /// Signs how far the log goes and prints that: keep it where whoever runs the service cannot change it
    Checkpoint {
        #[command(flatten)]
        data: Data,
    },
    /// Prints records, one JSON object a line; that they were read is recorded
    Show {
        #[command(flatten)]
        data: Data,
        /// From this record on
        #[arg(long, default_value_t = 1, value_name = "N")]
        from: u64,
        /// Of this account alone
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Of this action alone, such as lettura
        #[arg(long, value_name = "CODE")]
        action: Option<String>,
    },
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.doing {
        Doing::Verify { data, checkpoint, public_key, json, lang } => verified(&data, &checkpoint, public_key.as_deref(), json, lang),
        Doing::Checkpoint { data } => {
            let audit = data.audit()?;
            let Some(checkpoint) = audit.seal().await? else { bail!("the log is empty") };
            println!("{}", checkpoint.line());
            audit.close().await;
            Ok(ExitCode::SUCCESS)
        }
        Doing::Show { data, from, account, action } => {
            let audit = data.audit()?;
            audit.record(Event::new(Action::Read, "registro").why(format!("siss audit show dal numero {from}"))).await?;
            let wanted =
                |record: &Record| account.as_ref().is_none_or(|name| *name == record.account) && action.as_ref().is_none_or(|code| *code == record.action);
            show(audit.folder(), from, &wanted)?;
            audit.close().await;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn verified(data: &Data, files: &[PathBuf], public_key: Option<&str>, as_json: bool, lang: Language) -> anyhow::Result<ExitCode> {
    let folder = data.audit_folder()?;
    let key = match public_key {
        Some(text) => text.parse().ok().context("--public-key: not 64 hexadecimal digits")?,
        None => match PublicKey::of_key(&data.audit_key()?)? {
            Some(key) => key,
            None => PublicKey::of_log(&folder)?,
        },
    };
    let mut anchors = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            anchors.push(Checkpoint::read(line.trim().as_bytes()).with_context(|| format!("{}: not a checkpoint: {line}", file.display()))?);
        }
    }
    let verdict = verify(&folder, &key, &anchors)?;
    let mut out = std::io::stdout().lock();
    match (&verdict, as_json) {
        (Verdict::Whole(whole), true) => writeln!(out, "{}", json!({ "whole": true, "key": key.to_string(), "log": whole }))?,
        (Verdict::Broken(broken), true) => writeln!(out, "{}", json!({ "whole": false, "key": key.to_string(), "broken": broken }))?,
        (Verdict::Whole(whole), false) => writeln!(out, "{}", said(whole, &key, lang))?,
        (Verdict::Broken(broken), false) => writeln!(out, "{}", named(broken, lang))?,
    }
    out.flush()?;
    Ok(if matches!(verdict, Verdict::Whole(_)) { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

fn said(whole: &Whole, key: &PublicKey, lang: Language) -> String {
    let Whole { records, first, last, sealed, checkpoints } = whole;
    match lang {
        Language::It => {
            format!("Il registro è intero: {records} registrazioni, dalla {first} alla {last}; firmate fino alla {sealed} ({checkpoints} firme); chiave {key}.")
        }
        Language::En => format!("The log is whole: {records} records, from {first} to {last}; signed up to {sealed} ({checkpoints} checkpoints); key {key}."),
    }
}

fn named(broken: &Broken, lang: Language) -> String {
    let Broken { seq, file, offset, reason } = broken;
    let (it, en) = match reason {
        Reason::Changed => ("non è quella che fu scritta", "is not what was written"),
        Reason::Missing => ("manca", "is missing"),
        Reason::OutOfOrder => ("è fuori posto", "is out of order"),
        Reason::Torn => (
            "è interrotta a metà: se è l'ultima, al prossimo avvio il servizio la toglie e lo scrive",
            "is torn: if it is the last, the next start takes it out and says so",
        ),
        Reason::Checkpoint => ("o una prima di essa non è quella firmata", "or one before it is not what was signed"),
        Reason::Signature => {
            ("ha una firma che non vale con questa chiave, o illeggibile", "has a signature that does not hold with this key, or cannot be read")
        }
        Reason::Truncated => {
            ("e le seguenti mancano: la firma va più in là del registro", "and those after it are missing: what was signed goes further than the log")
        }
    };
    match lang {
        Language::It => format!("Il registro NON è intero: la registrazione {seq} {it} ({file}, byte {offset})."),
        Language::En => format!("The log is NOT whole: record {seq} {en} ({file}, byte {offset})."),
    }
}

fn show(folder: &Path, from: u64, wanted: &dyn Fn(&Record) -> bool) -> anyhow::Result<()> {
    let mut reader = Reader::new(folder, from);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    loop {
        let records = reader.some(SOME)?;
        if records.is_empty() {
            break;
        }
        for record in records.iter().filter(|record| wanted(record)) {
            let when = DateTime::from_timestamp_micros(record.time);
            let mut shown = serde_json::to_value(record)?;
            shown["when"] = json!(when);
            writeln!(out, "{shown}")?;
        }
    }
    Ok(out.flush()?)
}
