//! Estimates of how series go on, beside the error the same model made in the past.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use datasets::model::DatasetName;
use http::HeaderMap;
use serde::Deserialize;
use warehouse::principal::Principal;
use warehouse::session::rows::{Filter, Page, Sort};

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::encode::{self, Wanted};
use crate::doors::http::figures::CODE;
use crate::doors::http::format::Format;
use crate::doors::http::problem::{Problem, Result};

/// The dataset of the estimates.
const ESTIMATES: &str = "previsioni.stime";

/// Which estimates; all of them where nothing is said.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    serie: Option<String>,
    livello: Option<String>,
    codice: Option<String>,
    stato: Option<String>,
}

/// `GET /api/v1/forecasts`
pub async fn list(
    State(app): State<App>,
    who: Principal,
    asked: Result<Query<Asked>, QueryRejection>,
    question: Question,
    headers: HeaderMap,
) -> Result<Response> {
    let Ok(Query(asked)) = asked else { return Err(Problem::invalid("query.parameter", "the parameters are serie, livello, codice and stato")) };
    let name: DatasetName = ESTIMATES.parse().map_err(|_| Problem::not_found())?;
    let session = app.warehouse.session(&who).await?;
    session.dataset(&name)?;
    let filters = [("serie", asked.serie), ("livello", asked.livello), ("codice", asked.codice), ("stato", asked.stato)];
    for (column, value) in filters.iter().filter_map(|(column, value)| Some((column, value.as_deref()?))) {
        known(&app, &name, column, value)?;
    }
    if let Some(unchanged) = question.unchanged(&app, &who, &[&name]).await? {
        return Ok(unchanged);
    }
    let filters = filters.into_iter().filter_map(|(column, value)| Some(Filter::eq(column, value?)));
    let sort = ["serie", "livello", "codice", "inizio"].map(|column| Sort { column: column.into(), descending: false });
    let rows = session.rows(&name, Page { filters: filters.collect(), sort: sort.into(), ..Page::default() }).await?;
    let format = Format::of("", &headers)?;
    let file = (format != Format::Json).then(|| name.to_string());
    let snapshot = rows.snapshot.clone();
    let response = encode::answer(rows, Wanted { format, raw: false, file, page: None, patience: app.warehouse.limits().reader }).await?;
    Ok(question.answer(&app, &who, &snapshot, response).await)
}

/// A value that no row can have is a mistake, not an empty answer.
fn known(app: &App, name: &DatasetName, column: &str, value: &str) -> Result<()> {
    let list = app.warehouse.catalog().get(name).and_then(|contract| contract.column(column)?.code_list.as_deref());
    let Some(list) = list.and_then(|list| app.warehouse.catalog().code_lists.get(list)) else {
        let short = !value.is_empty() && value.chars().count() <= CODE;
        return if short {
            Ok(())
        } else {
            Err(Problem::invalid("query.parameter", format!("parameter '{column}' has {CODE} characters at most, and one at least")))
        };
    };
    if list.contains(value) {
        return Ok(());
    }
    let codes: Vec<&str> = list.codes.iter().map(|code| code.code.as_str()).collect();
    Err(Problem::none_of(column, &codes))
}
