//! `/consegne/calendario`: what a body owes and by when, and the signature by which it certifies what it delivered.

use axum::extract::{Query, State};
use axum::response::Response;
use datasets::model::DatasetName;
use ingest::certification::Signed;
use ingest::error::{Error, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use warehouse::session::rows::{Filter, Page, Sort};

use super::{own, title};
use crate::app::App;
use crate::doors::http::deliveries::problem;
use crate::doors::http::encode;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{Desk, Sent};

/// Obligations of a page.
const SHOWN: usize = 50;
/// States of an obligation in which something is still to be done, by urgency.
const OPEN: [&str; 4] = ["missing", "received", "due", "valid"];
const STATES: &str = "stati_obbligo";

/// Which obligations: of a state, or all.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    stato: String,
    pagina: usize,
    /// Just signed: the certification's id.
    firmata: Option<String>,
}

/// `GET /consegne/calendario`
pub async fn page(State(app): State<App>, desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let language = desk.frame.language;
    let states = app.warehouse.catalog().code_lists.get(STATES).ok_or_else(|| Problem::internal("calendar.states", "no list of states"))?;
    if !asked.stato.is_empty() && !states.contains(&asked.stato) {
        return Err(Problem::invalid("query.parameter", "stato is due, missing, received, valid or certified")
            .with("detail_it", "I valori di «stato» sono due, missing, received, valid e certified."));
    }
    let mut filters = of_own(&desk);
    if !asked.stato.is_empty() {
        filters.push(Filter::eq("stato", &asked.stato));
    }
    let sort = ["scadenza", "dataset", "ente", "periodo_dati"].map(|column| Sort { column: column.into(), descending: column == "scadenza" });
    let page = Page { filters, sort: sort.into(), limit: Some(SHOWN + 1), offset: asked.pagina.saturating_mul(SHOWN), ..Page::default() };
    let mut rows = obligations(&app, &desk, page).await?.ok_or_else(Problem::not_found)?;
    let more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    let label = |code: &str| states.codes.iter().find(|one| one.code == code).map(|one| if language.code() == "en" { one.en.clone() } else { one.it.clone() });
    let holder = own(desk.who());
    for row in &mut rows {
        let signs = row["stato"] == "valid" && holder.is_some_and(|holder| row["ente"] == holder);
        let sends = row["ente"].as_str() == holder || holder.is_none();
        row["title"] = json!(row["dataset"].as_str().map(|name| title(&app, name, language)));
        row["state"] = json!(row["stato"].as_str().and_then(label));
        row["signs"] = json!(signs);
        row["sends"] = json!(sends && row["stato"].as_str().is_some_and(|state| ["missing", "received", "due"].contains(&state)));
    }
    let choices: Vec<Value> = states.codes.iter().map(|one| json!({ "code": one.code, "label": label(&one.code) })).collect();
    let values = json!({
        "word": desk.word(), "rows": rows, "more": more, "pagina": asked.pagina, "stato": asked.stato, "states": choices, "own": holder,
        "signed": asked.firmata, "delivers": super::may_deliver(&app, desk.who()),
    });
    app.site.render("calendar.html", &desk.frame, values)
}

/// How many obligations are open, by state in the order of urgency, for the page of deliveries; nothing for who sees none.
pub async fn summary(app: &App, desk: &Desk) -> Result<Option<Vec<Value>>> {
    let columns = ["stato"].map(String::from).into();
    let Some(rows) = obligations(app, desk, Page { columns, filters: of_own(desk), ..Page::default() }).await? else { return Ok(None) };
    let states = app.warehouse.catalog().code_lists.get(STATES);
    let counted = OPEN.iter().map(|state| {
        let label = states.and_then(|list| list.codes.iter().find(|one| one.code == *state));
        let label = label.map(|one| if desk.frame.language.code() == "en" { &one.en } else { &one.it });
        json!({ "state": state, "label": label, "count": rows.iter().filter(|row| row["stato"] == *state).count() })
    });
    Ok(Some(counted.collect()))
}

#[derive(Deserialize)]
pub struct Wish {
    dataset: String,
    periodo: String,
    /// Present when who signs has said that it is final.
    #[serde(default)]
    conferma: String,
}

/// `POST /consegne/firma`
pub async fn sign(State(app): State<App>, Sent { desk, fields }: Sent<Wish>) -> Result<Response> {
    if fields.conferma.is_empty() {
        return Err(Problem::invalid("certification.confirm", "confirm that the data are final")
            .with("detail_it", "Per certificare occorre confermare che i dati sono definitivi."));
    }
    match app.certifications.sign(desk.who(), &fields.dataset, &fields.periodo, None).await.map_err(problem)? {
        Signed::Done(certification) => Ok(desk.go(&format!("/consegne/calendario?stato=certified&firmata={}", certification.id()))),
        Signed::Missing(comuni) => Err(problem(Error::new(Kind::Conflict, "certification.missing", &comuni.join(", ")))),
    }
}

/// Obligations that the account may see; `None` where it sees none at all.
async fn obligations(app: &App, desk: &Desk, page: Page) -> Result<Option<Vec<Value>>> {
    let table: DatasetName = "sistema.obligations".parse().map_err(|e: String| Problem::internal("calendar.table", e))?;
    let session = app.warehouse.session(desk.who()).await?;
    if session.dataset(&table).is_err() {
        return Ok(None);
    }
    Ok(Some(encode::gathered(session.rows(&table, page).await?).await?))
}

/// A district sees its municipalities' obligations too; its page is about its own.
fn of_own(desk: &Desk) -> Vec<Filter> {
    own(desk.who()).map(|body| Filter::eq("ente", body)).into_iter().collect()
}
