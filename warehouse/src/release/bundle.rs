//! `bundle.zip`: the rows with all that a reader needs to understand, cite and verify them.

use std::fs::File as Local;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use datasets::catalog::Catalog;
use datasets::derive::dictionary::{dictionary, markdown};
use datasets::derive::frictionless::frictionless;
use datasets::language::Language;
use datasets::model::Contract;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::release::manifest::{File, Manifest};
use crate::release::words::{filled, word};
use crate::release::write::Fault;

/// Formats of rows in the bundle.
pub const FORMATS: [&str; 3] = ["raw.csv", "csv", "parquet"];

/// The texts of a bundle, by the names of their files.
pub fn texts(catalog: &Catalog, view: &Contract, manifest: &Manifest) -> Result<Vec<(String, String)>, Fault> {
    let files: Vec<&File> = manifest.files.iter().filter(|f| FORMATS.contains(&f.format.as_str())).collect();
    let mut texts = vec![("README.md".to_owned(), readme(view, manifest))];
    for (language, code) in [(Language::It, "it"), (Language::En, "en")] {
        texts.push((format!("dizionario.{code}.md"), markdown(&dictionary(catalog, view, language), language)));
    }
    texts.push(("datapackage.json".to_owned(), serde_json::to_string_pretty(&package(catalog, view, manifest, &files))? + "\n"));
    texts.push(("CITATION.cff".to_owned(), citation(view, manifest)));
    let sums = files.iter().map(|f| format!("{}  {}\n", f.sha256, f.name));
    let of_texts = texts.iter().map(|(name, text)| format!("{}  {name}\n", hex::encode(Sha256::digest(text.as_bytes()))));
    let sums: String = sums.chain(of_texts).collect();
    texts.push(("SHA256SUMS".to_owned(), sums));
    Ok(texts)
}

/// Writes the archive: texts, then files of rows under their names.
pub fn write(to: &PathBuf, texts: &[(String, String)], rows: &[(String, PathBuf)]) -> Result<(), Fault> {
    let mut zip = ZipWriter::new(BufWriter::new(Local::create(to)?));
    let options = SimpleFileOptions::default().last_modified_time(DateTime::default()).large_file(true);
    for (name, text) in texts {
        zip.start_file(name, options.compression_method(CompressionMethod::Deflated))?;
        zip.write_all(text.as_bytes())?;
    }
    for (name, path) in rows {
        // Parquet is compressed already.
        let method = if name.ends_with(".parquet") { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(name, options.compression_method(method))?;
        std::io::copy(&mut Local::open(path)?, &mut zip)?;
    }
    zip.finish()?.flush()?;
    Ok(())
}

fn readme(view: &Contract, manifest: &Manifest) -> String {
    let sort = if view.sort.is_empty() { &view.key } else { &view.sort };
    let holes = [
        ("release", manifest.release.as_str()),
        ("issued", &manifest.issued.format("%Y-%m-%d").to_string()),
        ("rows", &manifest.rows.to_string()),
        ("contract", &manifest.contract_version),
        ("licence", &manifest.licence),
        ("file", &manifest.dataset.to_string()),
        ("sort", &sort.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ")),
    ];
    let text = filled("readme", &holes);
    let part = |title: &str, description: &str, text: &str| format!("# {title} (`{}`)\n\n{description}\n{text}", manifest.dataset);
    let it = part(&view.title.it, &view.description.it, &text.it);
    format!("{it}\n---\n\n{}", part(&view.title.en, &view.description.en, &text.en))
}

/// Frictionless: both CSV files with their types; what a column promises holds for the cells as they are.
fn package(catalog: &Catalog, view: &Contract, manifest: &Manifest, files: &[&File]) -> Value {
    let mut package = frictionless(catalog, view);
    let described = package["resources"][0].clone();
    let resource = |file: &&File| {
        let mut resource = described.clone();
        resource["name"] = file.name.trim_end_matches(".csv").replace(".raw", "-raw").into();
        resource["path"] = file.name.clone().into();
        resource["bytes"] = file.bytes.into();
        resource["hash"] = format!("sha256:{}", file.sha256).into();
        if file.format == "csv" {
            for field in resource["schema"]["fields"].as_array_mut().into_iter().flatten() {
                // An apostrophe before a formula is in no list of codes.
                let constraints = field.as_object_mut().filter(|f| f["type"] == "string").and_then(|f| f.get_mut("constraints")?.as_object_mut());
                if let Some(constraints) = constraints {
                    constraints.retain(|name, _| name == "required");
                }
            }
        }
        resource
    };
    package["resources"] = files.iter().filter(|f| f.format.ends_with("csv")).map(resource).collect();
    package["id"] = format!("urn:siss:release:{}:{}", manifest.dataset, manifest.release).into();
    package["version"] = manifest.release.clone().into();
    // The day alone: two who make the same release at once make the same bytes.
    package["created"] = json!(manifest.issued.format("%Y-%m-%dT00:00:00Z").to_string());
    package["description"] = view.description.it.clone().into();
    package["licenses"] = json!([{ "name": manifest.licence }]);
    package["sources"] = manifest.sources.iter().map(|s| json!({ "title": s.name, "x-version": s.version })).collect();
    package["contributors"] = json!([{ "title": word("publisher").it, "role": "publisher" }]);
    package
}

fn citation(view: &Contract, manifest: &Manifest) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    [
        "cff-version: 1.2.0".to_owned(),
        "type: dataset".to_owned(),
        format!("message: {}", quoted(&format!("{}. {}. {} ({}).", word("publisher").it, view.title.it, manifest.dataset, manifest.release))),
        format!("title: {}", quoted(&view.title.it)),
        format!("authors:\n  - name: {}", quoted(&word("publisher").it)),
        format!("version: {}", quoted(&manifest.release)),
        format!("date-released: {}", manifest.issued.format("%Y-%m-%d")),
        format!("license: {}", quoted(&manifest.licence)),
    ]
    .map(|line| line + "\n")
    .concat()
}
