//! Reads `leps/<name>.toml` with the queries beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::indicator::{AREA, Indicator, shape, verify};
use crate::mistake::Mistake;
use crate::model::{Contract, DatasetName};
use crate::read::{Findings, read};
use crate::source::Source;

/// Every indicator under `dir` that can be read, and the mistakes of all. `contracts` are the datasets that their queries may read.
pub fn indicators(dir: &Path, contracts: &BTreeMap<&DatasetName, &Contract>) -> (BTreeMap<DatasetName, Indicator>, Vec<Mistake>) {
    let (mut found, mut mistakes) = (BTreeMap::new(), Vec::new());
    let mut used: BTreeSet<String> = BTreeSet::new();
    for stem in stems(dir, "toml") {
        let file = format!("{AREA}/{stem}.toml");
        let at = |message: String| Mistake { file: file.clone(), line: 1, column: 1, message };
        let name: DatasetName = match format!("{AREA}.{stem}").parse() {
            Ok(name) => name,
            Err(message) => {
                mistakes.push(at(message));
                continue;
            }
        };
        let source = match Source::open(&dir.join(&file), &file) {
            Ok(source) => source,
            Err(more) => {
                mistakes.extend(more);
                continue;
            }
        };
        let mut findings = Findings::default();
        if let Some(mut indicator) = read::<Indicator>(&source, "", &shape::INDICATOR, &mut findings) {
            indicator.name = name.clone();
            for formula in &mut indicator.formulas {
                let query = formula.file.clone().unwrap_or_else(|| format!("{stem}.sql"));
                formula.sql = fs::read_to_string(dir.join(AREA).join(&query)).unwrap_or_default();
                used.insert(query);
            }
            verify::check(contracts, &indicator, &source, &mut findings);
            found.insert(name, indicator);
        }
        mistakes.extend(findings.mistakes);
    }
    for query in stems(dir, "sql").into_iter().map(|stem| format!("{stem}.sql")).filter(|query| !used.contains(query)) {
        mistakes.push(Mistake { file: format!("{AREA}/{query}"), line: 1, column: 1, message: "query of no indicator".into() });
    }
    (found, mistakes)
}

fn stems(dir: &Path, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(dir.join(AREA)).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| Some(name.strip_suffix(ending)?.strip_suffix('.')?.to_owned())).collect()
}
