//! Asks a dashboard's queries, all at one moment, with the rights of whoever reads it.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use dashboards::board::{Dashboard, Filter, Panel};
use dashboards::build::{Drawing, Names, drawing};
use dashboards::map::Places;
use datasets::language::Language;
use futures::TryStreamExt;
use warehouse::error::Kind;
use warehouse::session::Session;
use warehouse::session::moment::Moment;
use warehouse::statement::Rows;

use crate::app::App;
use crate::doors::http::boards::choice::{Asked, Options};
use crate::doors::http::problem::{Problem, Result};

const COMUNI: &str = "SELECT codice_istat, comune, ambito FROM territorio.comuni ORDER BY codice_istat";
const AMBITI: &str = "SELECT ambito, denominazione FROM territorio.ambiti ORDER BY ambito";
/// The code list of target groups.
const GROUPS: &str = "fasce_utenza";

/// A dashboard as one reader sees it.
pub struct Gathered<'a> {
    pub panels: Vec<(&'a Panel, Answer)>,
    pub options: Options,
    pub chosen: BTreeMap<Filter, String>,
    pub versions: BTreeMap<String, u64>,
}

pub enum Answer {
    Drawn(Box<Drawing>),
    /// A table or a column that this reader has not.
    Hidden,
}

impl Gathered<'_> {
    /// The choice as the parameters of an address.
    pub fn address(&self) -> String {
        let pair = |(filter, value): (&Filter, &String)| format!("{}={}", filter.name(), value.replace(' ', "%20").replace('&', "%26"));
        self.chosen.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

/// All panels, or `only` one.
pub async fn gather<'a>(app: &App, session: &Session, board: &'a Dashboard, only: Option<&str>, asked: &Asked, language: Language) -> Result<Gathered<'a>> {
    let (moment, options, places) = opened(app, session, board, only, language).await?;
    let chosen = options.choose(asked)?;
    let names = Names { catalog: app.warehouse.catalog(), places: &places, language };
    let mut panels = Vec::new();
    for panel in board.panels.iter().filter(|panel| only.is_none_or(|only| panel.name == only)) {
        let answer = match asked_of(&moment, &panel.query(&chosen)).await? {
            None => Answer::Hidden,
            Some(batches) => Answer::Drawn(Box::new(drawing(panel, &batches, &names).map_err(|e| Problem::internal("board.panel", format!("{}.{}: {e}", board.name, panel.name)))?)),
        };
        panels.push((panel, answer));
    }
    Ok(Gathered { panels, options, chosen, versions: moment.versions().clone() })
}

/// The rows behind one panel, as its query gives them.
pub async fn rows(app: &App, session: &Session, board: &Dashboard, panel: &Panel, asked: &Asked, language: Language) -> Result<Rows> {
    let (moment, options, _) = opened(app, session, board, Some(&panel.name), language).await?;
    let rows = moment.ask(&panel.query(&options.choose(asked)?)).await;
    rows.map_err(|error| if hides(&error) { Problem::not_found() } else { error.into() })
}

async fn opened(app: &App, session: &Session, board: &Dashboard, only: Option<&str>, language: Language) -> Result<(Moment, Options, Places)> {
    let nothing = BTreeMap::new();
    let wanted = board.panels.iter().filter(|panel| only.is_none_or(|only| panel.name == only));
    let mut queries: Vec<String> = wanted.map(|panel| panel.query(&nothing)).collect();
    queries.extend([board.years.clone(), COMUNI.to_owned(), AMBITI.to_owned()]);
    let moment = session.moment(&queries).await?;
    let texts = |batches: &[RecordBatch], column: &str| dashboards::rows::Rows(batches).texts(column).map_err(|e| Problem::internal("board.places", e));

    let mut options = Options::default();
    let batches = asked_of(&moment, &board.years).await?.unwrap_or_default();
    let mut years = if batches.is_empty() { Vec::new() } else { texts(&batches, "anno")? };
    years.retain(|year| !year.is_empty());
    years.sort_by(|a, b| b.cmp(a));
    options.set(Filter::Anno, years.into_iter().map(|year| (year.clone(), year)).collect());
    let groups = app.warehouse.catalog().code_lists.get(GROUPS).into_iter().flat_map(|list| &list.codes);
    let named = |code: &datasets::code_list::Code| (code.code.clone(), if language == Language::It { code.it.clone() } else { code.en.clone() });
    options.set(Filter::Utenza, groups.map(named).collect());

    let mut places = Places::default();
    if let Some(batches) = asked_of(&moment, COMUNI).await?.filter(|batches| !batches.is_empty()) {
        let names = texts(&batches, "comune")?.into_iter().zip(texts(&batches, "ambito")?);
        places.comuni = texts(&batches, "codice_istat")?.into_iter().zip(names).collect();
    }
    if let Some(batches) = asked_of(&moment, AMBITI).await?.filter(|batches| !batches.is_empty()) {
        places.ambiti = texts(&batches, "ambito")?.into_iter().zip(texts(&batches, "denominazione")?).collect();
    }
    options.set(Filter::Ambito, places.ambiti.iter().map(|(code, name)| (code.clone(), format!("{code} – {name}"))).collect());
    Ok((moment, options, places))
}

/// The rows of a query; `None` where the reader has not all it names.
async fn asked_of(moment: &Moment, sql: &str) -> Result<Option<Vec<RecordBatch>>> {
    match moment.ask(sql).await {
        Ok(rows) => Ok(Some(rows.batches.try_collect().await?)),
        Err(error) if hides(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn hides(error: &warehouse::error::Error) -> bool {
    error.kind == Kind::NotFound || error.code == "sql.column"
}
