//! Workflows: the states a case goes through after its form was sent, who may move it, within how many days. Data, not code:
//! `datasets/workflows/<name>.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::code_list::CodeList;
use crate::mistake::Mistake;
use crate::model::{Contract, DatasetName, Role, Text};
use crate::read::{Findings, read};
use crate::shape::{Kind, STRING, Shape, may, must, value};
use crate::source::Source;

/// Folder of the workflows under `datasets/`.
pub const FOLDER: &str = "workflows";
/// In `by`: who sent the form, and the service itself.
pub const APPLICANT: &str = "richiedente";
pub const SERVICE: &str = "servizio";

/// One file `datasets/workflows/<name>.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    pub title: Text,
    pub source: String,
    /// True where no act says it so and the offices have yet to confirm it.
    #[serde(default)]
    pub provisional: bool,
    /// Code list with the names of the states.
    pub states: String,
    /// The state of a form that was sent and registered.
    pub first: String,
    #[serde(rename = "state")]
    pub steps: Vec<Step>,
    #[serde(rename = "move")]
    pub moves: Vec<Move>,
}

/// `[[state]]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub code: String,
    /// Days within which somebody has to move the case on.
    pub days: Option<u32>,
    /// Whether the row stands in the dataset while the case is here.
    #[serde(default)]
    pub register: bool,
    /// Where the case goes by itself when its row was loaded, and when the rules about rows together refused it.
    pub loaded: Option<String>,
    pub refused: Option<String>,
}

/// `[[move]]`: what somebody may do with a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Move {
    pub code: String,
    pub title: Text,
    pub from: Vec<String>,
    /// Absent: the case stays where it is, and its term too. That is a message.
    pub to: Option<String>,
    /// Roles, whose body must be the case's office; or [`APPLICANT`].
    pub by: Vec<String>,
    /// Whether it must say why.
    #[serde(default)]
    pub reason: bool,
    /// Columns of the dataset that who moves fills in.
    #[serde(default)]
    pub asks: Vec<String>,
    /// Whether the applicant answers the form again.
    #[serde(default)]
    pub answers: bool,
}

pub static WORKFLOW: Shape = Shape {
    fields: &[
        must("title", Kind::Text),
        must("source", STRING),
        may("provisional", value::<bool>("false")),
        must("states", STRING),
        must("first", STRING),
        must("state", Kind::Tables(&STEP)),
        must("move", Kind::Tables(&MOVE)),
    ],
};

pub static STEP: Shape = Shape {
    fields: &[must("code", STRING), may("days", value::<u32>("1")), may("register", value::<bool>("false")), may("loaded", STRING), may("refused", STRING)],
};

pub static MOVE: Shape = Shape {
    fields: &[
        must("code", STRING),
        must("title", Kind::Text),
        must("from", value::<Vec<String>>("[]")),
        may("to", STRING),
        must("by", value::<Vec<String>>("[]")),
        may("reason", value::<bool>("false")),
        may("asks", value::<Vec<String>>("[]")),
        may("answers", value::<bool>("false")),
    ],
};

impl Workflow {
    pub fn step(&self, code: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.code == code)
    }

    /// The move of this name out of a state.
    pub fn from(&self, state: &str, code: &str) -> Option<&Move> {
        self.moves.iter().find(|one| one.code == code && one.from.iter().any(|from| from == state))
    }

    /// By when a case that came into a state has to be moved on, both in seconds since 1970; 0 without a term.
    pub fn due(&self, state: &str, since: i64) -> i64 {
        self.step(state).and_then(|step| step.days).map_or(0, |days| since + i64::from(days) * 86_400)
    }

    /// Roles of the offices that work on its cases.
    pub fn offices(&self) -> impl Iterator<Item = &str> {
        self.moves.iter().flat_map(|one| one.by.iter().map(String::as_str)).filter(|role| ![APPLICANT, SERVICE].contains(role))
    }
}

/// What a workflow may refer to.
pub struct Around<'a> {
    pub roles: Option<&'a BTreeMap<String, Role>>,
    pub code_lists: &'a BTreeMap<String, CodeList>,
    pub contracts: BTreeMap<&'a DatasetName, &'a Contract>,
}

/// Every workflow under `dir` that can be read, and the mistakes of all.
pub fn load(dir: &Path, files: &[(String, String)], around: &Around) -> (BTreeMap<String, Workflow>, Vec<Mistake>) {
    let (mut found, mut mistakes) = (BTreeMap::new(), Vec::new());
    for (stem, file) in files {
        let file = format!("{FOLDER}/{file}");
        match Source::open(&dir.join(&file), &file) {
            Ok(source) => {
                let mut findings = Findings::default();
                if let Some(workflow) = read::<Workflow>(&source, "", &WORKFLOW, &mut findings) {
                    check(stem, &workflow, around, &mut |path, message| findings.add(&source, path, message));
                    found.insert(stem.clone(), workflow);
                }
                mistakes.extend(findings.mistakes);
            }
            Err(more) => mistakes.extend(more),
        }
    }
    (found, mistakes)
}

fn check(name: &str, workflow: &Workflow, around: &Around, add: &mut dyn FnMut(&str, String)) {
    let known = |code: &str| workflow.step(code).is_some();
    let list = around.code_lists.get(&workflow.states);
    if list.is_none() {
        add("states", format!("there is no code list '{}'", workflow.states));
    }
    for (i, step) in workflow.steps.iter().enumerate() {
        if list.is_some_and(|list| !list.codes.iter().any(|code| code.code == step.code)) {
            add(&format!("state.{i}.code"), format!("'{}' is not a code of the list '{}'", step.code, workflow.states));
        }
        for (field, next) in [("loaded", &step.loaded), ("refused", &step.refused)] {
            match next {
                Some(_) if !step.register => add(&format!("state.{i}.{field}"), format!("'{field}' follows from loading: the state needs register = true")),
                Some(next) if !known(next) => add(&format!("state.{i}.{field}"), format!("there is no [[state]] '{next}'")),
                _ => {}
            }
        }
    }
    if !known(&workflow.first) {
        add("first", format!("there is no [[state]] '{}'", workflow.first));
    }
    let using: Vec<&&Contract> = around.contracts.values().filter(|contract| contract.form.as_ref().is_some_and(|form| form.workflow == name)).collect();
    for (i, one) in workflow.moves.iter().enumerate() {
        for (j, from) in one.from.iter().enumerate().filter(|(_, from)| !known(from)) {
            add(&format!("move.{i}.from.{j}"), format!("there is no [[state]] '{from}'"));
        }
        match &one.to {
            Some(to) if !known(to) => add(&format!("move.{i}.to"), format!("there is no [[state]] '{to}'")),
            None if !one.reason || one.answers || !one.asks.is_empty() => {
                add(&format!("move.{i}"), "without 'to' it is a message: reason = true, and neither 'asks' nor 'answers'".into());
            }
            _ => {}
        }
        for (j, role) in one.by.iter().enumerate() {
            if role != APPLICANT && around.roles.is_some_and(|roles| !roles.contains_key(role)) {
                add(&format!("move.{i}.by.{j}"), format!("'{role}' is neither a role nor '{APPLICANT}'"));
            }
        }
        for (j, column) in one.asks.iter().enumerate() {
            if let Some(contract) = using.iter().find(|contract| contract.column(column).is_none()) {
                add(&format!("move.{i}.asks.{j}"), format!("{} has no column '{column}'", contract.name));
            }
        }
        if one.answers && one.by != [APPLICANT] {
            add(&format!("move.{i}.answers"), format!("answers = true: by = [\"{APPLICANT}\"]"));
        }
    }
}
