//! `GET /dataset/{area}/{name}`: what a dataset is, its rows (filtered, sorted, in the address), its columns, how to take and cite it.

use axum::extract::{OriginalUri, Path, Query, State};
use axum::response::Response;
use chrono::Utc;
use datasets::derive::dcat::schema_org;
use datasets::model::{Column, DatasetName, Frequency, Type};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use warehouse::session::Visible;
use warehouse::session::rows::{Filter, Page, Sort};

use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::base::Base;
use crate::doors::http::encode;
use crate::doors::http::format::Format;
use crate::doors::http::found;
use crate::doors::http::page::comparisons;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::published;
use crate::doors::http::versions;
use crate::site::words::Language;

/// Rows of a preview. The files beside it hold all.
const ROWS: usize = 20;
/// The preview that the address asks for; what is not there is not filtered.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    colonna: String,
    #[serde(default)]
    confronto: String,
    #[serde(default)]
    valore: String,
    #[serde(default)]
    ordina: String,
    #[serde(default)]
    pagina: usize,
}

#[derive(Serialize)]
struct Described<'a> {
    name: &'a str,
    title: &'a str,
    description: &'a str,
    /// The type's word, and the digits of a decimal: all, and those after the point.
    r#type: &'static str,
    digits: Option<(u8, i8)>,
    unit: Option<&'a str>,
    required: bool,
    masked: bool,
    number: bool,
    codes: Vec<Value>,
    example: Option<&'a str>,
}

#[expect(clippy::too_many_arguments, reason = "each is an extractor of the request")]
pub async fn page(
    State(app): State<App>,
    frame: Frame,
    Path((area, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    OriginalUri(uri): OriginalUri,
    base: Base,
    question: Question,
    headers: HeaderMap,
) -> Result<Response> {
    let name: DatasetName = format!("{area}.{name}").parse().map_err(|_| Problem::not_found())?;
    let session = app.warehouse.session(&frame.who).await?;
    let dataset = session.dataset(&name)?;
    let rows = session.rows(&name, wanted(&asked)?).await?;
    let versions = rows.snapshot.clone();
    let snapshot = versions.values().copied().max();
    let mut rows = encode::gathered(rows).await?;
    let more = rows.len() > ROWS;
    rows.truncate(ROWS);

    let (contract, language, words) = (dataset.contract, frame.language, app.site.words(frame.language));
    let of_catalogue = published::one(&app, &name).await.ok();
    let linked = of_catalogue.map(|(one, _)| schema_org::embeddable(&schema_org::dataset(&base.portal(&app), &one, language.code())));
    let base = format!("/api/v1/datasets/{}/{}", name.area, name.name);
    let rest = rest_query(&asked);
    let files: Vec<Value> = Format::ALL.iter().map(|f| json!({ "format": f.extension(), "href": format!("{base}/rows.{}{rest}", f.extension()) })).collect();
    let host = super::connect::host(&uri, &headers);
    let addresses = app.addresses.get().ok_or_else(|| Problem::internal("dataset.addresses", "the doors are not open yet"))?;
    let reached = |address: &str| address.replace("0.0.0.0", &host).replace("[::]", &host);
    let (postgres_host, postgres_port) = addresses.postgres.rsplit_once(':').unwrap_or((&addresses.postgres, "5432"));
    let origin = super::open::origin(&app, &uri, &headers);
    let release = app.releases.latest(&name).map(|manifest| versions::shown(&manifest, language));
    let values = json!({
        "release": release, "releases": app.releases.list(&name).len(), "origin": origin,
        "name": name.to_string(), "area": name.area, "area_title": found::area_title(&name.area, words), "path": uri.path(),
        "title": language.say(&contract.title), "description": language.say(&contract.description), "version": contract.version,
        "legal": contract.legal_basis.iter().map(|text| language.say(text)).collect::<Vec<_>>(),
        "provisional": contract.provisional.as_ref().map(|text| language.say(text)),
        "subsystem": contract.feed.subsystem, "frequency": frequency(contract.feed.frequency), "derived": contract.derived.is_some(),
        "licence": contract.publication.as_ref().map(|publication| &publication.licence),
        "key": contract.key.iter().filter(|key| dataset.columns.iter().any(|column| column.name == **key)).collect::<Vec<_>>(),
        "columns": columns(&app, &dataset, language), "comparisons": comparisons().map(|(word, _)| word).collect::<Vec<_>>(), "rows": rows, "more": more, "snapshot": snapshot, "files": files, "api": base, "rest": rest,
        "colonna": asked.colonna, "confronto": asked.confronto, "valore": asked.valore, "ordina": asked.ordina, "pagina": asked.pagina,
        "first": asked.pagina * ROWS, "year": Utc::now().format("%Y").to_string(), "today": Utc::now().format("%Y-%m-%d").to_string(),
        "http": reached(&addresses.http), "postgres_host": reached(postgres_host).trim_matches(['[', ']']), "postgres_port": postgres_port,
        "query": filter_query(&asked), "linked": linked,
    });
    Ok(question.answer(&app, &frame.who, &versions, app.site.render("dataset.html", &frame, values)?).await)
}

/// One row more than is shown tells whether another page follows. A wrong column or value is the session's to refuse.
fn wanted(asked: &Asked) -> Result<Page> {
    let mut page = Page { limit: Some(ROWS + 1), offset: asked.pagina.saturating_mul(ROWS), ..Page::default() };
    if !asked.ordina.is_empty() {
        let column = asked.ordina.trim_start_matches('-');
        page.sort.push(Sort { column: column.into(), descending: asked.ordina.starts_with('-') });
    }
    if !asked.colonna.is_empty() && !asked.valore.is_empty() {
        let word = if asked.confronto.is_empty() { "eq" } else { &asked.confronto };
        let Some((_, operator)) = comparisons().find(|(known, _)| *known == word) else {
            let known = comparisons().map(|(word, _)| word).collect::<Vec<_>>().join(", ");
            return Err(Problem::invalid("query.parameter", format!("parameter 'confronto': is one of {known}"))
                .with("detail_it", format!("parametro «confronto»: è uno tra {known}")));
        };
        page.filters.push(Filter { column: asked.colonna.clone(), operator, value: Some(asked.valore.clone()) });
    }
    Ok(page)
}

/// The same filter and order in the words of REST, for files of exactly what is shown.
fn rest_query(asked: &Asked) -> String {
    let mut query = Serializer::new(String::new());
    if !asked.colonna.is_empty() && !asked.valore.is_empty() {
        let operator = if asked.confronto.is_empty() { "eq" } else { &asked.confronto };
        query.append_pair(&format!("{}__{operator}", asked.colonna), &asked.valore);
    }
    if !asked.ordina.is_empty() {
        query.append_pair("sort", &asked.ordina);
    }
    let query = query.finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// Filter and order as this page's own address has them, for links to the rows before and after.
fn filter_query(asked: &Asked) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("colonna", &asked.colonna), ("confronto", &asked.confronto), ("valore", &asked.valore), ("ordina", &asked.ordina)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    query.finish()
}

fn columns<'a>(app: &'a App, dataset: &Visible<'a>, language: Language) -> Vec<Described<'a>> {
    dataset.columns.iter().map(|column| described(app, column, dataset.masked.contains(&column.name.as_str()), language)).collect()
}

fn described<'a>(app: &'a App, column: &'a Column, masked: bool, language: Language) -> Described<'a> {
    let list = column.code_list.as_ref().and_then(|list| app.warehouse.catalog().code_lists.get(list));
    let codes =
        list.map(|list| list.codes.iter().map(|c| json!({ "code": c.code, "label": if language == Language::English { &c.en } else { &c.it } })).collect());
    Described {
        name: &column.name,
        title: language.say(&column.title),
        description: language.say(&column.description),
        r#type: column.r#type.word(),
        digits: if let Type::Decimal(all, after) = column.r#type { Some((all, after)) } else { None },
        unit: column.unit.as_deref(),
        required: column.required,
        masked,
        number: matches!(column.r#type, Type::Integer | Type::Decimal(..) | Type::Double),
        codes: codes.unwrap_or_default(),
        example: column.example.as_deref().filter(|_| !masked),
    }
}

fn frequency(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::Once => "once",
        Frequency::Monthly => "monthly",
        Frequency::Quarterly => "quarterly",
        Frequency::Yearly => "yearly",
    }
}

#[cfg(test)]
mod tests {
    use warehouse::session::rows::Operator;

    use super::*;

    #[test]
    fn what_the_address_asks_is_asked_of_the_session_and_of_rest() {
        let asked = Asked { colonna: "posti".into(), confronto: "gte".into(), valore: "a&b".into(), ordina: "-posti".into(), pagina: 2 };
        let page = wanted(&asked).unwrap();
        assert_eq!((page.offset, page.limit, page.filters[0].operator, page.sort[0].descending), (40, Some(21), Operator::Ge, true));
        assert_eq!(rest_query(&asked), "?posti__gte=a%26b&sort=-posti");
        assert_eq!(filter_query(&asked), "colonna=posti&confronto=gte&valore=a%26b&ordina=-posti");
        assert!(wanted(&Asked { confronto: "like".into(), ..asked }).is_err());
    }
}
