//! `GET /mappa`: what there is for small children and which social facilities, near a place, as a list and a map; `/mappa/servizi.geojson`
//! gives the same as data. Everybody sees what strangers see: the page is public, so is where things are.

mod ask;
mod map;
mod near;
mod offers;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use datasets::language::Language;
use http::{HeaderName, header};
use serde_json::{Value, json};
use warehouse::session::moment::Moment;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::pages::Frame;
use crate::doors::http::places::{self, Places};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{label, say, snapshot, versions};

use self::ask::{Asked, RADII};
use self::near::{Answer, PAGE};
use self::offers::Sort;

/// A map on which nobody is placed needs the browser's position only if its reader says so.
const POSITION: (HeaderName, &str) = (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(self), microphone=()");

/// `GET /mappa`
pub async fn page(State(app): State<App>, frame: Frame, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let language = say(frame.language);
    let asked = read(&app, query.as_deref())?;
    let Answered { answer, places, moment } = answer(&app, &asked, language).await?;
    let pages = answer.hits.len().div_ceil(PAGE).max(1);
    if asked.pagina > pages {
        return Err(Problem::not_found());
    }
    let from = (asked.pagina - 1) * PAGE;
    let shown: Vec<_> = answer.hits.iter().skip(from).take(PAGE).collect();
    let address = |page: usize| format!("/mappa?{}", asked.address(page));
    let kinds = |sort: Sort| kinds(&app, sort, language);
    let view = map::draw(&answer, app.boards.boundaries(), &places);
    let values = json!({
        "asked": asked, "radii": RADII, "nidi": kinds(Sort::Nidi), "strutture": kinds(Sort::Strutture),
        "origin": answer.origin, "unknown": answer.unknown, "offers": answer.offers,
        "hits": shown, "count": answer.hits.len(), "first": from + 1, "last": from + shown.len(),
        "total_places": answer.hits.iter().filter_map(|hit| hit.offer.places).sum::<i64>(),
        "previous": (asked.pagina > 1).then(|| address(asked.pagina - 1)),
        "next": (asked.pagina < pages).then(|| address(asked.pagina + 1)),
        "geojson": format!("/mappa/servizi.geojson?{}", asked.address(1)),
        "view": view, "versions": versions(&moment),
    });
    let mut response = app.site.render("finder.html", &frame, values)?;
    response.headers_mut().insert(POSITION.0, http::HeaderValue::from_static(POSITION.1));
    Ok(question.answer(&app, &frame.who, &snapshot(&moment), response).await)
}

/// `GET /mappa/servizi.geojson`: every hit of the same search (RFC 7946).
pub async fn geojson(State(app): State<App>, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let asked = read(&app, query.as_deref())?;
    let Answered { answer, moment, .. } = answer(&app, &asked, Language::It).await?;
    let features: Vec<Value> = answer.hits.iter().map(feature).collect();
    let body = json!({
        "type": "FeatureCollection", "features": features, "count": answer.hits.len(), "complete": true,
        "snapshot": snapshot(&moment),
    });
    let file = ([(header::CONTENT_TYPE, "application/geo+json")], body.to_string()).into_response();
    Ok(question.answer(&app, &stranger(), &snapshot(&moment), file).await)
}

fn feature(hit: &near::Hit) -> Value {
    let offer = &hit.offer;
    let geometry = offer.point.map(|point| json!({ "type": "Point", "coordinates": [point.longitude, point.latitude] }));
    json!({
        "type": "Feature", "id": offer.code, "geometry": geometry,
        "properties": {
            "codice": offer.code, "denominazione": offer.name, "tipo": offer.kind, "codice_istat": offer.comune, "comune": offer.town,
            "indirizzo": offer.address, "pubblico": offer.public, "posti": offer.places, "anno": offer.year,
            // A point that is only the centre of the municipality must not be taken for an address.
            "posizione": if offer.exact { "esatta" } else { "comune" },
            "distanza_km": hit.km.map(|km| (km * 100.0).round() / 100.0),
        },
    })
}

fn read(app: &App, query: Option<&str>) -> Result<Asked> {
    let known = |sort: Sort, code: &str| app.warehouse.catalog().code_lists.get(sort.kinds()).is_some_and(|list| list.contains(code));
    ask::read(query.unwrap_or_default(), known)
}

struct Answered {
    answer: Answer,
    places: Places,
    moment: Moment,
}

async fn answer(app: &App, asked: &Asked, language: Language) -> Result<Answered> {
    let tables = places::tables(&[offers::TABLES.as_slice(), places::TABLES.as_slice()].concat())?;
    let moment = app.warehouse.moment(tables).await?;
    let session = app.warehouse.session(&stranger()).await?.at(&moment);
    let places = Places::read(&session).await?;
    let offers = offers::read(app, &session, &places, asked.cosa, language).await?;
    Ok(Answered { answer: near::find(asked, &places, offers), places, moment })
}

/// Codes of kinds with their words.
fn kinds(app: &App, sort: Sort, language: Language) -> Vec<(String, String)> {
    let list = app.warehouse.catalog().code_lists.get(sort.kinds());
    let codes = list.into_iter().flat_map(|list| &list.codes).map(|code| code.code.clone());
    codes.map(|code| (code.clone(), label(app, sort.kinds(), &code, language))).collect()
}
