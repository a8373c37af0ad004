//! Everything under `datasets/`, read and checked as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::code_list::{self, CodeList};
use crate::indicator::{self, Indicator};
use crate::mistake::Mistake;
use crate::model::{Access, Contract, DatasetName, Role};
use crate::question::{self, Question};
use crate::read::{Findings, read};
use crate::shape;
use crate::source::Source;
use crate::verify;
use crate::workflow::{self, Workflow};

/// All contracts, roles and code lists. Cheap to read, not to clone: hold it in an `Arc`.
#[derive(Clone, Debug)]
pub struct Catalog {
    pub contracts: BTreeMap<DatasetName, Contract>,
    pub roles: BTreeMap<String, Role>,
    pub code_lists: BTreeMap<String, CodeList>,
    /// Definitions behind the contracts of the area `leps`.
    pub indicators: BTreeMap<DatasetName, Indicator>,
    /// Worked questions, in the order of their names.
    pub questions: Vec<Question>,
    /// What becomes of forms, by name.
    pub workflows: BTreeMap<String, Workflow>,
    pub dir: PathBuf,
}

/// Folders beside the areas that hold no contracts: code, other kinds of file, reference data.
const NOT_AREAS: [&str; 8] = ["src", "tests", "examples", "code_lists", "leps", "locales", "questions", workflow::FOLDER];

/// The role of a caller without an account.
pub const STRANGER: &str = "anonimo";

impl Catalog {
    /// Reads and checks everything under `dir`: `<area>/<name>.toml` with the `<name>.sql` of a derived dataset, `roles.toml`,
    /// `code_lists/<name>.csv`, the worked
    /// `questions/<name>.sql`, the `workflows/<name>.toml` of forms, and the indicators of `leps/`, whose contracts follow from them.
    /// A file with a second dot in its name (`strutture.roma.toml`) is not a contract.
    /// Errors: every mistake of every file, in the order of files and lines.
    pub fn load(dir: &Path) -> Result<Self, Vec<Mistake>> {
        let mut load = Load::default();
        load.roles(dir);
        load.code_lists(dir);
        load.questions(dir);
        load.contracts(dir);
        load.verify();
        let workflows = load.workflows(dir);
        let indicators = load.indicators(dir);
        let mut mistakes = load.mistakes;
        if mistakes.is_empty() {
            let roles = load.roles.unwrap_or_default();
            let computed = indicators.iter().map(|(name, indicator)| (name.clone(), indicator::contract::contract(indicator, &roles)));
            let contracts = load.contracts.into_iter().map(|(name, (contract, _))| (name, contract)).chain(computed).collect();
            return Ok(Self { contracts, roles, code_lists: load.code_lists, indicators, questions: load.questions, workflows, dir: dir.to_owned() });
        }
        mistakes.sort();
        mistakes.dedup();
        Err(mistakes)
    }

    pub fn get(&self, name: &DatasetName) -> Option<&Contract> {
        self.contracts.get(name)
    }

    /// The folder of contracts: `explicit`, else `datasets/` in the working folder or one above it, else beside the program.
    /// Errors: a sentence that says where it was looked for.
    pub fn find_dir(explicit: Option<&Path>) -> Result<PathBuf, String> {
        let holds = |dir: &Path| dir.join("roles.toml").is_file();
        if let Some(dir) = explicit {
            return if holds(dir) { Ok(dir.to_owned()) } else { Err(format!("no roles.toml in {}", dir.display())) };
        }
        let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
        for above in starts.iter().flatten().flat_map(|start| start.ancestors()) {
            let dir = above.join("datasets");
            if holds(&dir) {
                return Ok(dir);
            }
        }
        Err("no folder 'datasets' with a roles.toml here or above: name it with --contracts".into())
    }

    /// What `role` may see: each dataset that grants it something, with the grant.
    pub fn visible(&self, role: &str) -> impl Iterator<Item = (&Contract, &Access)> {
        self.contracts.values().filter_map(move |contract| Some((contract, contract.access_for(role)?)))
    }

    /// Every dataset after those it refers to, looks values up in, is judged by or is computed from: the order in which to deliver.
    pub fn load_order(&self) -> Vec<&Contract> {
        let mut order: Vec<&Contract> = vec![];
        let mut placed: BTreeSet<&DatasetName> = BTreeSet::new();
        // Each round places at least one dataset, because a loaded catalog has no cycles.
        while order.len() < self.contracts.len() {
            let before = order.len();
            for (name, contract) in &self.contracts {
                let ready = || contract.targets().iter().all(|target| placed.contains(target) || !self.contracts.contains_key(target));
                if !placed.contains(name) && ready() {
                    placed.insert(name);
                    order.push(contract);
                }
            }
            if order.len() == before {
                break;
            }
        }
        order
    }
}

/// A load under way: what could be read, with its source, and the mistakes so far.
#[derive(Default)]
struct Load {
    contracts: BTreeMap<DatasetName, (Contract, Source)>,
    findings: BTreeMap<DatasetName, Findings>,
    /// `None` when roles.toml cannot be read: then roles are not checked.
    roles: Option<BTreeMap<String, Role>>,
    code_lists: BTreeMap<String, CodeList>,
    questions: Vec<Question>,
    /// Datasets and code lists whose file is there but cannot be read: not reported a second time where they are named.
    unread: BTreeSet<String>,
    mistakes: Vec<Mistake>,
}

impl Load {
    fn roles(&mut self, dir: &Path) {
        let Some(source) = self.source(dir, "roles.toml") else { return };
        let mut findings = Findings::default();
        let mut roles = BTreeMap::new();
        for name in source.table.keys() {
            if let Some(role) = read::<Role>(&source, name, &shape::ROLE, &mut findings) {
                verify::role(&source, name, &role, &mut findings);
                roles.insert(name.clone(), role);
            }
        }
        if !roles.contains_key(STRANGER) {
            findings.add(&source, "", format!("the role '{STRANGER}' of callers without an account is missing"));
        }
        self.mistakes.extend(findings.mistakes);
        self.roles = Some(roles);
    }

    fn code_lists(&mut self, dir: &Path) {
        for (stem, file) in self.files(&dir.join("code_lists"), "csv") {
            let file = format!("code_lists/{file}");
            let Some(text) = self.text(dir, &file) else { continue };
            let (list, mistakes) = code_list::read(&file, &stem, &text);
            self.mistakes.extend(mistakes);
            match list {
                Some(list) => drop(self.code_lists.insert(stem, list)),
                None => drop(self.unread.insert(stem)),
            }
        }
    }

    fn questions(&mut self, dir: &Path) {
        for (stem, file) in self.files(&dir.join("questions"), "sql") {
            let file = format!("questions/{file}");
            let Some(text) = self.text(dir, &file) else { continue };
            match question::read(&file, &stem, &text) {
                Ok(question) => self.questions.push(question),
                Err(mistake) => self.mistakes.push(mistake),
            }
        }
    }

    fn contracts(&mut self, dir: &Path) {
        for area in folders(dir) {
            for (stem, file) in self.files(&dir.join(&area), "toml") {
                let file = format!("{area}/{file}");
                if stem.contains('.') {
                    continue;
                }
                let name: DatasetName = match format!("{area}.{stem}").parse() {
                    Ok(name) => name,
                    Err(message) => {
                        self.mistakes.push(Mistake { file, line: 1, column: 1, message });
                        continue;
                    }
                };
                let mut findings = Findings::default();
                let source = self.source(dir, &file);
                let contract = source.as_ref().and_then(|source| read::<Contract>(source, "", &shape::CONTRACT, &mut findings));
                match (contract, source) {
                    (Some(mut contract), Some(source)) => {
                        contract.name = name.clone();
                        if let Some(derived) = &mut contract.derived {
                            derived.sql = fs::read_to_string(dir.join(&area).join(format!("{stem}.sql"))).unwrap_or_default();
                        }
                        self.contracts.insert(name.clone(), (contract, source));
                        self.findings.insert(name, findings);
                    }
                    _ => {
                        self.unread.insert(name.to_string());
                        self.mistakes.extend(findings.mistakes);
                    }
                }
            }
            self.queries(dir, &area);
        }
    }

    /// A query beside a contract that does not ask for one would never run.
    fn queries(&mut self, dir: &Path, area: &str) {
        for (stem, file) in self.files(&dir.join(area), "sql") {
            let owner = self.contracts.iter().find(|(name, _)| name.area == area && name.name == stem).map(|(_, (contract, _))| contract);
            let unread = self.unread.contains(&format!("{area}.{stem}"));
            if !unread && owner.is_none_or(|contract| contract.derived.is_none()) {
                let message = format!("query of no derived dataset: {area}/{stem}.toml has no [derived]");
                self.mistakes.push(Mistake { file: format!("{area}/{file}"), line: 1, column: 1, message });
            }
        }
    }

    fn verify(&mut self) {
        let contracts = self.contracts.iter().map(|(name, (contract, _))| (name.clone(), contract)).collect();
        let world = verify::World { contracts, roles: self.roles.as_ref(), code_lists: &self.code_lists, unread: &self.unread };
        for (name, (contract, source)) in &self.contracts {
            if let Some(findings) = self.findings.get_mut(name) {
                verify::contract(&world, contract, source, findings);
            }
        }
        self.mistakes.extend(std::mem::take(&mut self.findings).into_values().flat_map(|f| f.mistakes));
    }

    fn workflows(&mut self, dir: &Path) -> BTreeMap<String, Workflow> {
        let contracts = self.contracts.iter().map(|(name, (contract, _))| (name, contract)).collect();
        let around = workflow::Around { roles: self.roles.as_ref(), code_lists: &self.code_lists, contracts };
        let (workflows, mistakes) = workflow::load(dir, &self.files(&dir.join(workflow::FOLDER), "toml"), &around);
        self.mistakes.extend(mistakes);
        for (name, (contract, source)) in &self.contracts {
            let unknown = contract.form.as_ref().filter(|form| !workflows.contains_key(&form.workflow) && !self.unread.contains(&name.to_string()));
            self.mistakes.extend(unknown.map(|form| source.mistake("form.workflow", format!("there is no workflow '{}'", form.workflow))));
        }
        workflows
    }

    fn indicators(&mut self, dir: &Path) -> BTreeMap<DatasetName, Indicator> {
        let contracts = self.contracts.iter().map(|(name, (contract, _))| (name, contract)).collect();
        let (indicators, mistakes) = indicator::load::indicators(dir, &contracts);
        self.mistakes.extend(mistakes);
        indicators
    }

    fn source(&mut self, dir: &Path, file: &str) -> Option<Source> {
        Source::open(&dir.join(file), file).map_err(|mistakes| self.mistakes.extend(mistakes)).ok()
    }

    fn text(&mut self, dir: &Path, file: &str) -> Option<String> {
        fs::read_to_string(dir.join(file))
            .map_err(|e| self.mistakes.push(Mistake { file: file.to_owned(), line: 1, column: 1, message: format!("cannot be read: {e}") }))
            .ok()
    }

    /// Names without and with their ending, sorted.
    fn files(&self, dir: &Path, ending: &str) -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> = entries(dir)
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|file| Some((file.strip_suffix(ending)?.strip_suffix('.')?.to_owned(), file.clone())))
            .filter(|(stem, _)| !stem.is_empty())
            .collect();
        files.sort();
        files
    }
}

fn folders(dir: &Path) -> Vec<String> {
    let mut folders: Vec<String> = entries(dir)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && !NOT_AREAS.contains(&name.as_str()))
        .collect();
    folders.sort();
    folders
}

fn entries(dir: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok)
}
