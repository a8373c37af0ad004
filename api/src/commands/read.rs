//! `siss read`: how a file is understood before any contract.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use ingest::read::{self, Bounds, Described, Format, Hints, Understanding};

use crate::commands::deliver::Language;

/// Shows how a file is understood: container, encoding, dialect, header, first rows, and what was odd
///
/// With --csv the whole content comes back as comma-separated UTF-8 (RFC 4180), cell for cell.
#[derive(clap::Args, Debug)]
#[command(verbatim_doc_comment)]
pub struct Args {
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Prints what was understood as one JSON object
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Prints the whole content as CSV
    #[arg(long)]
    pub csv: bool,
    /// Format, if it is known better: csv, xlsx, xls, ods, json, ndjson, parquet
    #[arg(long, value_name = "NAME", value_parser = format)]
    pub file_format: Option<Format>,
    /// Encoding, such as windows-1252
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// What stands between cells
    #[arg(long, value_name = "TEXT")]
    pub delimiter: Option<String>,
    /// Line of the header, from 1; 0 says that there is none
    #[arg(long, value_name = "LINE")]
    pub header_row: Option<i64>,
    /// Sheet of a workbook
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Language of what people read
    #[arg(long, env = "SISS_LANG", value_enum, default_value_t = Language::It, value_name = "LANGUAGE")]
    pub lang: Language,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let hints = Hints {
        format: args.file_format,
        encoding: args.encoding,
        delimiter: args.delimiter,
        header_row: args.header_row,
        sheet: args.sheet,
        ..Hints::default()
    };
    let bounds = Bounds::default();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let spoken = |e: read::ReadError| anyhow::anyhow!("{}", if args.lang == Language::It { e.it } else { e.en });
    if args.csv {
        read::to_csv(&args.file, &hints, &bounds, &mut out).map_err(spoken)?;
    } else {
        let described = read::describe(&args.file, &hints, &bounds).map_err(spoken)?;
        let written = if args.json {
            serde_json::to_writer(&mut out, &described).map_err(Into::into).and_then(|()| writeln!(out))
        } else {
            show(&mut out, &described, args.lang)
        };
        quiet(written)?;
    }
    quiet(out.flush())?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads our output may stop, as `head` does.
fn quiet(written: std::io::Result<()>) -> std::io::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn show(out: &mut impl Write, described: &Described, language: Language) -> std::io::Result<()> {
    let known: &Understanding = &described.understanding;
    let line = |out: &mut dyn Write, what: &str, value: &str| if value.is_empty() { Ok(()) } else { writeln!(out, "{what:<10} {value}") };
    line(out, "format", known.format.name())?;
    line(out, "container", &format!("{:?}", known.container).to_lowercase())?;
    line(out, "encoding", &format!("{}{}", known.encoding.as_deref().unwrap_or("-"), if known.bom { " (BOM)" } else { "" }))?;
    if let Some(dialect) = &known.dialect {
        let quote = dialect.quote.map(String::from).unwrap_or_else(|| "-".to_string());
        line(out, "dialect", &format!("delimiter {:?}, quote {quote}, line ending {:?}", dialect.delimiter, dialect.line_ending))?;
    }
    line(out, "sheets", &known.sheets.iter().map(|sheet| format!("{}{}", sheet.name, if sheet.read { " *" } else { "" })).collect::<Vec<_>>().join(", "))?;
    line(out, "header", &known.header_line.map(|at| format!("line {at}")).unwrap_or_else(|| "-".to_string()))?;
    line(out, "rows", &described.rows.to_string())?;
    writeln!(out)?;
    writeln!(out, "{}", known.header.join(" | "))?;
    for row in &described.sample {
        writeln!(out, "{}", row.iter().map(|cell| cell.as_deref().unwrap_or("∅").escape_debug().to_string()).collect::<Vec<_>>().join(" | "))?;
    }
    if !known.oddities.0.is_empty() {
        writeln!(out)?;
    }
    for oddity in &known.oddities.0 {
        let at = oddity.line.map(|at| format!("{at}: ")).unwrap_or_default();
        let times = if oddity.count > 1 { format!(" (×{})", oddity.count) } else { String::new() };
        writeln!(out, "! {at}{}{times}", if language == Language::It { &oddity.it } else { &oddity.en })?;
    }
    Ok(())
}

fn format(text: &str) -> Result<Format, String> {
    serde_json::from_value(serde_json::Value::String(text.to_string())).map_err(|_| "use csv, xlsx, xls, ods, json, ndjson or parquet".to_string())
}
