//! What can be said of a delivery's rows only when all of them are there: keys repeated in a file too large for memory, and the
//! contract's rules about rows together.

use std::collections::BTreeSet;
use std::path::Path;

use datasets::derive::checks::{CheckKind, set_checks};
use datasets::model::{Contract, Severity, Text};
use warehouse::lake::{Lake, RefusedLines, Writer};

use crate::error::{Error, Result};
use crate::findings::Findings;
use crate::mapping::Mapping;
use crate::pipeline::{about_key, blocking};
use crate::read::{self, Bounds};
use crate::report::Violation;
use crate::unique::Keys;

/// Lines found wrong, or worth a warning, after their rows were handed over.
#[derive(Default)]
pub struct Late {
    /// Whose key stands on an earlier line.
    repeated: BTreeSet<i64>,
    /// Which break a rule together with others.
    together: BTreeSet<i64>,
    warned: BTreeSet<i64>,
}

impl Late {
    /// Takes in the keys that stand on an earlier line.
    pub async fn repeated(&mut self, said: Text, keys: Option<Keys>, findings: &mut Findings) -> Result<()> {
        let Some(keys) = keys else { return Ok(()) };
        for one in blocking(move || keys.finish()).await? {
            findings.add(about_key(&said, one))?;
            self.repeated.insert(one.line);
        }
        Ok(())
    }

    /// Takes in the rows that break a rule together with others.
    pub async fn together(&mut self, contract: &Contract, lake: &Lake, writer: &mut Writer, findings: &mut Findings) -> Result<()> {
        let checks = set_checks(contract);
        let sql: Vec<&str> = checks.iter().filter_map(|c| if let CheckKind::Set(sql) = &c.kind { Some(sql.as_str()) } else { None }).collect();
        let found = writer.judge(lake, &sql, &self.lines()).await?;
        for (check, lines) in checks.iter().zip(found) {
            for line in lines {
                let message = check.message.clone();
                findings.add(Violation { line: Some(line), column: None, rule: check.rule.clone(), severity: check.severity, value: None, message })?;
                let side = if check.severity == Severity::Error { &mut self.together } else { &mut self.warned };
                side.insert(line);
            }
        }
        Ok(())
    }

    pub fn lines(&self) -> RefusedLines {
        let lines = self.repeated.union(&self.together).copied().collect();
        if self.together.is_empty() { RefusedLines::of_doubtful(lines) } else { RefusedLines::new(lines) }
    }

    pub fn refused(&self) -> u64 {
        self.repeated.union(&self.together).count() as u64
    }

    /// Lines with a warning that stand.
    pub fn warned(&self) -> u64 {
        self.warned.iter().filter(|line| !self.repeated.contains(line) && !self.together.contains(line)).count() as u64
    }

    /// Keeps the rows of the lines that are refused. Those with a repeated key were set aside; of others the file is read again.
    pub fn keep(&self, lines: &RefusedLines, raw: &Path, mapping: Option<&Mapping>, bounds: &Bounds, findings: &mut Findings) -> Result<()> {
        if self.together.is_empty() { findings.refuse_aside(lines) } else { again(lines, raw, mapping, bounds, findings) }
    }
}

fn again(lines: &RefusedLines, raw: &Path, mapping: Option<&Mapping>, bounds: &Bounds, findings: &mut Findings) -> Result<()> {
    let hints = mapping.map(|m| m.file.hints.clone()).unwrap_or_default();
    let mut source = read::open(raw, &hints, bounds).map_err(|e| Error::internal("deliver.read_again", e.to_string()))?;
    while let Ok(Some(batch)) = source.next() {
        for row in (0..batch.lines.len()).filter(|row| lines.contains(batch.lines[*row])) {
            findings.refuse(&batch, row)?;
        }
    }
    Ok(())
}
