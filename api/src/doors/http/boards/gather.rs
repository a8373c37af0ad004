//! Asks a dashboard's queries, all at one moment, with the rights of whoever reads it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use dashboards::board::{Dashboard, Filter, Panel, datasets_of};
use dashboards::build::{Drawing, Names, drawing};
use dashboards::map::Places;
use dashboards::rows::Rows;
use datasets::language::Language;
use datasets::model::DatasetName;
use futures::future::try_join_all;
use futures::{TryStreamExt, try_join};
use warehouse::error::Kind;
use warehouse::session::Session;
use warehouse::statement::Statement;

use crate::app::App;
use crate::doors::http::boards::choice::{Asked, Options};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::snapshot;

const COMUNI: &str = "SELECT codice_istat, comune, ambito FROM territorio.comuni ORDER BY comune";
const AMBITI: &str = "SELECT ambito, denominazione FROM territorio.ambiti ORDER BY ambito";
/// The datasets of the two.
const PLACES: [&str; 2] = ["territorio.comuni", "territorio.ambiti"];
/// The code list of target groups.
const GROUPS: &str = "fasce_utenza";

/// A dashboard as one reader sees it.
pub struct Gathered<'a> {
    pub panels: Vec<(&'a Panel, Answer)>,
    pub options: Options,
    pub chosen: BTreeMap<Filter, String>,
    /// The version each dataset was taken at.
    pub versions: BTreeMap<DatasetName, u64>,
    /// The same with those that only names and choices come from.
    pub moment: BTreeMap<String, u64>,
}

pub enum Answer {
    Drawn(Box<Drawing>),
    /// A table or a column that this reader has not.
    Hidden,
}

/// All panels, or `only` one.
/// Errors: `query.parameter` for a choice that is not offered.
pub async fn gather<'a>(app: &App, session: Session, board: &'a Dashboard, only: Option<&str>, asked: &Asked, language: Language) -> Result<Gathered<'a>> {
    let panels: Vec<&Panel> = board.panels.iter().filter(|panel| only.is_none_or(|only| panel.name == only)).collect();
    let wanted: BTreeSet<DatasetName> = match only {
        None => board.datasets(),
        // The choice of years belongs to every panel.
        Some(_) => panels.iter().flat_map(|panel| panel.datasets()).chain(datasets_of(&board.years)).collect(),
    };
    let places = PLACES.iter().filter_map(|name| name.parse().ok());
    let seen: Vec<DatasetName> = wanted.iter().cloned().chain(places).filter(|name| session.dataset(name).is_ok()).collect();
    let moment = app.warehouse.moment(seen).await?;
    let session = session.at(&moment);

    let (places, years) = try_join!(places_of(&session), asked_of(&session, board.years.clone()))?;
    let options = options(app, &session, board, years.unwrap_or_default(), &places, asked, language)?;
    let chosen = options.choose(asked, &board.filters())?;
    let names = Names { catalog: app.warehouse.catalog(), places: &places, language, within: chosen.get(&Filter::Ambito).map(String::as_str) };
    let answers = try_join_all(panels.iter().map(|panel| asked_of(&session, panel.query(&chosen)))).await?;
    let mut drawn = Vec::with_capacity(panels.len());
    for (panel, answer) in panels.into_iter().zip(answers) {
        let fault = |e| Problem::internal("board.panel", format!("{}.{}: {e}", board.name, panel.name));
        let answer = match answer {
            None => Answer::Hidden,
            Some(batches) => Answer::Drawn(Box::new(drawing(panel, &batches, &names).map_err(fault)?)),
        };
        drawn.push((panel, answer));
    }
    let versions = moment.versions().filter(|(name, _)| wanted.contains(*name)).map(|(name, version)| (name.clone(), version)).collect();
    Ok(Gathered { panels: drawn, options, chosen, versions, moment: snapshot(&moment) })
}

/// What there is to choose from, for this reader.
fn options(app: &App, session: &Session, board: &Dashboard, years: Vec<RecordBatch>, places: &Places, asked: &Asked, language: Language) -> Result<Options> {
    let mut options = Options::default();
    let mut years = texts(&years, "anno")?;
    years.retain(|year| !year.is_empty());
    years.sort_by_key(|year| std::cmp::Reverse(year.parse::<i64>().unwrap_or_default()));
    options.set(Filter::Anno, years.into_iter().map(|year| (year.clone(), year)).collect());

    let groups = app.warehouse.catalog().code_lists.get(GROUPS).into_iter().flat_map(|list| &list.codes);
    let named = |code: &datasets::code_list::Code| (code.code.clone(), if language == Language::It { code.it.clone() } else { code.en.clone() });
    options.set(Filter::Utenza, groups.map(named).collect());

    let facts = &session.principal().facts;
    let own = |fact: &str| if board.own { facts.get(fact) } else { None };
    let district = own("ambito");
    let ambiti = places.ambiti.iter().filter(|(code, _)| district.is_none_or(|own| own == *code));
    options.set(Filter::Ambito, ambiti.map(|(code, name)| (code.clone(), format!("{code} – {name}"))).collect());
    if district.is_some() {
        options.fix(Filter::Ambito);
    }
    // Municipalities of the district chosen: all 378 in one list help nobody.
    let within = district.or(asked.value(Filter::Ambito));
    let comuni = places.comuni.iter().filter(|(code, (_, ambito))| {
        within.map_or_else(|| asked.value(Filter::Comune) == Some(*code), |within| within == ambito) && own("codice_istat").is_none_or(|own| own == *code)
    });
    let mut comuni: Vec<(String, String)> = comuni.map(|(code, (name, _))| (code.clone(), name.clone())).collect();
    comuni.sort_by(|a, b| a.1.cmp(&b.1));
    options.set(Filter::Comune, comuni);
    Ok(options)
}

async fn places_of(session: &Session) -> Result<Places> {
    let mut places = Places::default();
    let (comuni, ambiti) = try_join!(asked_of(session, COMUNI.to_owned()), asked_of(session, AMBITI.to_owned()))?;
    let batches = comuni.unwrap_or_default();
    let names = texts(&batches, "comune")?.into_iter().zip(texts(&batches, "ambito")?);
    places.comuni = texts(&batches, "codice_istat")?.into_iter().zip(names).collect();
    let batches = ambiti.unwrap_or_default();
    places.ambiti = texts(&batches, "ambito")?.into_iter().zip(texts(&batches, "denominazione")?).collect();
    Ok(places)
}

fn texts(batches: &[RecordBatch], column: &str) -> Result<Vec<String>> {
    Rows(batches).texts(column).map_err(|e| Problem::internal("board.column", e))
}

/// The rows of a query of ours; `None` where the reader has not all it names.
async fn asked_of(session: &Session, sql: String) -> Result<Option<Vec<RecordBatch>>> {
    match session.query(Statement { sql, ..Statement::default() }).await {
        Ok(rows) => Ok(Some(rows.batches.try_collect().await?)),
        Err(error) if error.kind == Kind::NotFound || error.code == "sql.column" => Ok(None),
        Err(error) => Err(error.into()),
    }
}
