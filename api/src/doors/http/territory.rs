//! `GET /territorio`: the places of the region, found by name. `GET /territorio/{place}`: everything about a municipality or a district on
//! one page: what everybody sees is the same for everybody, and who may see more finds it beside.

mod draw;
mod facts;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use datasets::indicator::Indicator;
use datasets::language::Language;
use datasets::model::{Contract, DatasetName};
use serde_json::{Value, json};
use url::form_urlencoded;
use warehouse::session::Session;
use warehouse::session::moment::Moment;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::figures::{Standing, of_place, standings, visible};
use crate::doors::http::indicators::STATES;
use crate::doors::http::pages::Frame;
use crate::doors::http::places::{self, Place, Places, slug};
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::{label, say, snapshot, versions};

/// Characters of a search.
const TEXT: usize = 100;

/// `GET /territorio?q=`
pub async fn list(State(app): State<App>, frame: Frame, RawQuery(query): RawQuery, question: Question) -> Result<Response> {
    let query = query.unwrap_or_default();
    let asked = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q").map(|(_, value)| value.trim().to_owned()).unwrap_or_default();
    if asked.chars().count() > TEXT {
        return Err(Problem::invalid("query.parameter", format!("parameter 'q' has more than {TEXT} characters"))
            .with("detail_it", format!("Il parametro 'q' ha più di {TEXT} caratteri: basta il nome del comune.")));
    }
    let moment = app.warehouse.moment(places::tables(&places::TABLES)?).await?;
    let places = Places::read(&app.warehouse.session(&stranger()).await?.at(&moment)).await?;
    let found: Vec<Value> = if asked.is_empty() {
        Vec::new()
    } else {
        places.like(&asked).into_iter().map(|c| json!({ "comune": c, "district": c.ambito.as_deref().map(slug) })).collect()
    };
    let district = |one: &places::Ambito| {
        let comuni: Vec<&places::Comune> = places.comuni.values().filter(|c| c.ambito.as_deref() == Some(&one.ambito)).collect();
        json!({ "slug": slug(&one.ambito), "ambito": one, "comuni": comuni })
    };
    let districts: Vec<Value> = places.ambiti.values().map(district).collect();
    let named = places.meant(&asked).into_iter().filter(|(level, ..)| *level == "ambito");
    let named: Vec<Value> = named.map(|(_, code, name)| json!({ "slug": slug(code), "name": name })).collect();
    let values = json!({ "q": asked, "found": found, "named": named, "districts": districts, "versions": versions(&moment) });
    let page = app.site.render("territories.html", &frame, values)?;
    Ok(question.answer(&app, &frame.who, &snapshot(&moment), page).await)
}

/// `GET /territorio/{place}`
pub async fn page(State(app): State<App>, frame: Frame, Path(address): Path<String>, question: Question) -> Result<Response> {
    let language = say(frame.language);
    let own = app.warehouse.session(&frame.who).await?;
    let open = app.warehouse.session(&stranger()).await?;
    let indicators = visible(&app, &own);
    let moment = moment(&app, &indicators).await?;
    let (own, open) = (own.at(&moment), open.at(&moment));
    let places = Places::read(&open).await?;
    let place = places.of(&address).ok_or_else(Problem::not_found)?;
    let (levels, people, facilities, services, more) = futures::try_join!(
        of_place(&own, &indicators, place.level(), place.code()),
        facts::people(&open, place),
        facts::facilities(&app, &open, place, language),
        facts::services(&app, &open, place, language),
        more(&app, &own, &frame, &places, place, language),
    )?;
    let standings = standings(&indicators, &levels, place.level(), place.code(), language);
    let states: Vec<Option<String>> = standings.iter().map(|one| one.here.as_ref().map(|f| label(&app, STATES, &f.stato, language))).collect();
    let (known, unknown): (Vec<_>, Vec<_>) = standings.into_iter().zip(states).partition(|(one, _)| one.here.is_some());
    let listed =
        |list: Vec<(Standing, Option<String>)>| list.into_iter().map(|(standing, state)| json!({ "standing": standing, "state": state })).collect::<Vec<_>>();
    let values = json!({
        "place": about(&app, &places, place, language), "code": place.code(), "level": place.level().code(),
        "people": people, "pyramid": draw::pyramid(&people, language), "caveats": caveats(&app, language), "files": files(place),
        "facilities": facilities, "services": services, "known": listed(known), "unknown": listed(unknown),
        "links": links(&places, place), "more": more, "versions": versions(&moment),
    });
    let page = app.site.render("territory.html", &frame, values)?;
    Ok(question.answer(&app, &frame.who, &snapshot(&moment), page).await)
}

/// What the contracts of the page's data say is not certain yet.
fn caveats(app: &App, language: Language) -> Vec<Value> {
    let contracts = [places::TABLES.as_slice(), &facts::OPEN].concat().into_iter().filter_map(|name| app.warehouse.catalog().get(&name.parse().ok()?));
    let said = |contract: &Contract| Some(json!({ "title": contract.title.get(language), "text": contract.provisional.as_ref()?.get(language) }));
    contracts.filter_map(said).collect()
}

/// The rows behind the page, as files: dataset, and the address of its CSV.
fn files(place: Place<'_>) -> Vec<Value> {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(place.column(), place.code()).finish();
    facts::OPEN.iter().map(|name| json!({ "name": name, "href": format!("/api/v1/datasets/{}/rows.csv?{query}", name.replace('.', "/")) })).collect()
}

/// All tables of the page at one moment.
async fn moment(app: &App, indicators: &[&Indicator]) -> Result<Moment> {
    let names = [places::TABLES.as_slice(), &facts::OPEN, &facts::MORE].concat();
    let mut tables: Vec<DatasetName> = places::tables(&names)?;
    tables.extend(indicators.iter().map(|indicator| indicator.name.clone()));
    Ok(app.warehouse.moment(tables).await?)
}

/// Onwards: the finder around the place, and questions about it for the explorer.
fn links(places: &Places, place: Place<'_>) -> Value {
    let query = |pairs: &[(&str, &str)]| form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let near = match place {
        Place::Comune(code) => places.comuni.get(code).map_or("", |one| &one.comune),
        Place::Ambito(code) => places.comuni.values().find(|one| one.ambito.as_deref() == Some(code)).map_or("", |one| &one.comune),
    };
    let here = [("filtro_colonna", place.column()), ("filtro_op", "eq"), ("filtro_valore", place.code())];
    let people = [[("dataset", "territorio.popolazione"), ("gruppo", "anno"), ("misura", "sum"), ("colonna", "totale")].as_slice(), here.as_slice()].concat();
    let services = [
        [("dataset", "sirse.servizi"), ("gruppo", "anno"), ("perno", "titolarita"), ("misura", "sum"), ("colonna", "posti_autorizzati")].as_slice(),
        here.as_slice(),
    ]
    .concat();
    json!({ "map": format!("/mappa?{}", query(&[("q", near)])), "people": format!("/esplora?{}", query(&people)), "services": format!("/esplora?{}", query(&services)) })
}

/// What the place is, and its neighbours upwards and downwards.
fn about(app: &App, places: &Places, place: Place<'_>, language: Language) -> Value {
    let words = |list: &str, code: &Option<String>| code.as_deref().map(|code| label(app, list, code, language));
    match place {
        Place::Comune(code) => {
            let Some(one) = places.comuni.get(code) else { return Value::Null };
            json!({
                "name": one.comune, "seat": null, "form": null, "note": null, "comuni": null, "district": one.ambito, "district_slug": one.ambito.as_deref().map(slug),
                "district_name": one.ambito.as_deref().map(|a| places.district(a)), "asl": one.asl, "province": one.provincia, "surface": one.superficie_kmq,
                "zone": words("zone_altimetriche", &one.zona_altimetrica), "urban": words("gradi_urbanizzazione", &one.grado_urbanizzazione),
            })
        }
        Place::Ambito(code) => {
            let Some(one) = places.ambiti.get(code) else { return Value::Null };
            let comuni: Vec<_> = places.comuni.values().filter(|c| c.ambito.as_deref() == Some(code)).collect();
            json!({
                "zone": null, "urban": null, "district": null, "district_slug": null, "district_name": null,
                "name": one.denominazione.clone().unwrap_or_else(|| code.to_owned()), "asl": one.asl, "province": words("province", &one.provincia),
                "seat": one.ente_capofila, "form": words("forme_gestione", &one.forma_gestione), "note": one.nota,
                "surface": comuni.iter().filter_map(|c| c.superficie_kmq).sum::<f64>(), "comuni": comuni,
            })
        }
    }
}

/// What only some may see: the money of the district's plan, and who still owes data. `None` where the reader sees nothing of it.
async fn more(app: &App, own: &Session, frame: &Frame, places: &Places, place: Place<'_>, language: Language) -> Result<Value> {
    if frame.who == stranger() {
        return Ok(json!({ "money": null, "debts": null }));
    }
    let district = match place {
        Place::Comune(code) => places.comuni.get(code).and_then(|c| c.ambito.clone()).unwrap_or_default(),
        Place::Ambito(code) => code.to_owned(),
    };
    let (money, debts) = futures::try_join!(facts::money(app, own, &district, language), facts::debts(app, own, place, language))?;
    Ok(json!({ "money": money, "debts": debts, "district": district }))
}
