//! The rows of a release on their way: first to a local Parquet file and the exact CSV, whose hash says whether anything changed;
//! from the Parquet file all other formats are made.

use std::fs::File as Local;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use datasets::model::Contract;
use futures::TryStreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::release::manifest::{ColumnOf, File};
use crate::release::put::digest;
use crate::release::write::csv::Csv;
use crate::release::write::geojson::GeoJson;
use crate::release::write::json::Json;
use crate::release::write::xlsx::Xlsx;
use crate::release::write::{Fault, Write, media_type, parquet as typed};
use crate::statement::Rows;

/// Batches made ahead of the writers.
const AHEAD: usize = 2;

/// A local folder with the files of one release to be; it goes away with the value.
pub struct Spool {
    folder: TempDir,
    /// `area.name`, what every file's name begins with.
    stem: String,
    pub rows: u64,
    pub files: Vec<File>,
}

impl Spool {
    /// Takes all rows: the first two formats.
    pub async fn take(scratch: &Path, view: &Contract, order: &[String], mut rows: Rows) -> Result<Self> {
        let folder = TempDir::new_in(scratch).map_err(fault)?;
        let mut spool = Self { folder, stem: view.name.to_string(), rows: 0, files: Vec::new() };
        let (to, mut from) = tokio::sync::mpsc::channel(AHEAD);
        let (schema, order) = (rows.schema.clone(), order.to_vec());
        let about = [("dataset".to_owned(), view.name.to_string()), ("contract_version".to_owned(), view.version.clone())];
        let (exact, binary) = (create(&spool.path("raw.csv"))?, create(&spool.path("parquet"))?);
        let writing = tokio::task::spawn_blocking(move || {
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            let about: Vec<(&str, &str)> = about.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let mut exact = Box::new(Csv::new(BufWriter::new(exact), &names, false)?);
            let mut binary = Box::new(typed::File::new(BufWriter::new(binary), &schema, &order, &about)?);
            let mut count = 0;
            while let Some(batch) = from.blocking_recv() {
                exact.rows(&batch)?;
                binary.rows(&batch)?;
                count += batch.num_rows() as u64;
            }
            exact.end()?;
            binary.end()?;
            Ok::<u64, Fault>(count)
        });
        while let Some(batch) = rows.batches.try_next().await? {
            // A writer that failed says why below.
            if to.send(batch).await.is_err() {
                break;
            }
        }
        drop(to);
        spool.rows = writing.await.map_err(fault)?.map_err(fault)?;
        spool.add("raw.csv").await?;
        spool.add("parquet").await?;
        Ok(spool)
    }

    /// Makes the other formats.
    pub async fn complete(&mut self, columns: &[ColumnOf]) -> Result<()> {
        let described: Vec<(String, String)> = columns.iter().map(|c| (c.name.clone(), c.r#type.clone())).collect();
        let formats = ["csv", "json", "ndjson", "xlsx", "geojson"];
        let paths = formats.map(|format| self.path(format));
        let (source, dataset) = (self.path("parquet"), self.stem.clone());
        let made = tokio::task::spawn_blocking(move || others(&source, &dataset, &described, &paths)).await.map_err(fault)?.map_err(fault)?;
        for (format, _) in formats.iter().zip(made).filter(|(_, made)| *made) {
            self.add(format).await?;
        }
        Ok(())
    }

    /// Names a file of the folder as one of the release.
    pub async fn add(&mut self, format: &str) -> Result<()> {
        let path = self.path(format);
        let (bytes, sha256) = tokio::task::spawn_blocking(move || digest(&path)).await.map_err(fault)?.map_err(fault)?;
        let name = self.name(format);
        self.files.push(File { name, format: format.to_owned(), media_type: media_type(format).to_owned(), bytes, sha256, rows: self.rows });
        Ok(())
    }

    pub fn file(&self, format: &str) -> Option<&File> {
        self.files.iter().find(|f| f.format == format)
    }

    pub fn name(&self, format: &str) -> String {
        if format == "zip" { "bundle.zip".to_owned() } else { format!("{}.{format}", self.stem) }
    }

    pub fn path(&self, format: &str) -> PathBuf {
        self.folder.path().join(self.name(format))
    }
}

/// Which of the formats were made.
fn others(source: &Path, dataset: &str, columns: &[(String, String)], paths: &[PathBuf; 5]) -> Result<[bool; 5], Fault> {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let described: Vec<(&str, &str)> = columns.iter().map(|(name, of)| (name.as_str(), of.as_str())).collect();
    let open = |i: usize| Ok::<_, Fault>(BufWriter::new(Local::create(&paths[i])?));
    let mut writers: [Option<Box<dyn Write>>; 5] = [
        Some(Box::new(Csv::new(open(0)?, &names, true)?)),
        Some(Box::new(Json::new(open(1)?, dataset, &described, false)?)),
        Some(Box::new(Json::new(open(2)?, dataset, &described, true)?)),
        Some(Box::new(Xlsx::new(Local::create(&paths[3])?, &names)?)),
        GeoJson::new(open(4)?, &names)?.map(|writer| Box::new(writer) as Box<dyn Write>),
    ];
    for batch in ParquetRecordBatchReaderBuilder::try_new(Local::open(source)?)?.build()? {
        let batch = batch?;
        for writer in writers.iter_mut().flatten() {
            writer.rows(&batch)?;
        }
    }
    let mut made = [false; 5];
    for (made, writer) in made.iter_mut().zip(writers) {
        *made = match writer {
            Some(writer) => writer.end()?,
            None => false,
        };
    }
    Ok(made)
}

fn create(path: &Path) -> Result<Local> {
    Local::create(path).map_err(fault)
}

fn fault(e: impl Into<Fault>) -> Error {
    Error::internal("release.spool", e)
}
