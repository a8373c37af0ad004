//! The HTTP door: REST under `/api/v1`, the start page, health, metrics and the OpenAPI document. Every route is on this page.

pub mod answers;
mod area;
mod base;
pub mod boards;
mod cases;
mod catalogue;
mod certifications;
mod ckan;
mod connect;
mod dataset;
mod datasets;
mod deliveries;
mod editor;
mod encode;
mod explore;
mod figures;
mod finder;
mod forecasts;
mod format;
mod forms;
mod found;
mod home;
mod identity;
mod indicator;
mod indicators;
mod layers;
mod leps;
mod notes;
mod obligations;
mod office;
mod open;
mod openapi;
mod page;
pub mod pages;
mod places;
pub mod problem;
mod published;
mod reading;
mod rows;
mod session;
mod sign_in;
mod sql;
mod status;
mod territory;
mod uploads;
mod versions;
pub mod waas;
mod who;

use std::time::Duration;

use ::http::StatusCode;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::doors::accept;
use crate::doors::http::format::Format;
use crate::doors::http::problem::Problem;

pub(crate) use who::{Credentials, credentials};

/// Bytes of a body that is held in memory: a question with its parameters. Uploads are streamed and bounded on their own.
const BODY: usize = 1 << 20;
/// Bytes of a form with its documents.
const FORM: usize = 48 << 20;

/// Serves until `shutdown`, then lets running answers finish for the configured grace.
pub async fn serve(app: App, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
    let tls = app.http_tls(listener.local_addr()?);
    let grace = Duration::from_secs(app.listen.grace);
    let router = router(app, tls.is_some());
    accept::serve(router, listener, tls, shutdown, grace).await;
    Ok(())
}

/// The routes with everything that each request passes through. `secure`: connections are TLS.
pub fn router(app: App, secure: bool) -> Router {
    let readers = app.clone();
    let proxy = layers::BehindProxy(app.listen.behind_proxy);
    // A proxy speaks TLS with browsers.
    let encrypted = layers::Secure(secure || app.listen.behind_proxy);
    let rates = layers::rate::Rates::new(&app.listen.public, app.listen.behind_proxy);
    let mut router = Router::new();
    for (path, handler) in routes() {
        router = router.route(&path, handler);
    }
    router
        .fallback(nothing_here)
        .method_not_allowed_fallback(not_so)
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn_with_state(layers::Room::default(), layers::bounded))
        .layer(from_fn_with_state(app, answers::kept))
        .layer(from_fn(layers::same_site))
        .layer(from_fn_with_state(rates, layers::rate::limited))
        .layer(from_fn(layers::heard_out))
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(pages::ours))
        .layer(from_fn_with_state(readers, pages::readable))
        .layer(from_fn(layers::open::complete))
        .layer(from_fn(layers::open::cross_origin))
        .layer(layers::open::compression())
        .layer(from_fn_with_state(encrypted, layers::safe_headers))
        .layer(from_fn_with_state(proxy, layers::came_from))
        .layer(from_fn(layers::observe))
}

async fn nothing_here() -> Problem {
    Problem::not_found()
}

async fn not_so() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "request.method", "this address does not take this method")
}

/// Every route, by path. The OpenAPI document names the same ones, see `openapi`'s test.
pub(crate) fn routes() -> Vec<(String, MethodRouter<App>)> {
    let mut routes: Vec<(String, MethodRouter<App>)> = [
        ("/", get(home::home)),
        ("/accedi", get(sign_in::page).post(sign_in::enter)),
        ("/accedi/codice", get(sign_in::steps::code_page).post(sign_in::steps::code)),
        ("/accedi/password", get(sign_in::steps::password_page).post(sign_in::steps::password)),
        ("/accedi/identita", get(identity::begin)),
        ("/accedi/identita/ritorno", get(identity::back)),
        ("/accedi/identita/uscita", post(identity::over)),
        ("/esci", post(sign_in::leave)),
        ("/area", get(area::page)),
        ("/area/sessioni", post(area::end_others)),
        ("/area/password", post(area::password)),
        ("/area/veste", post(area::change)),
        ("/sql", get(editor::page).post(editor::ask)),
        ("/sql/dizionario.json", get(editor::dictionary)),
        ("/sql/risposta.xlsx", post(editor::export)),
        ("/sql/salva", post(editor::kept::save)),
        ("/sql/elimina", post(editor::kept::delete)),
        ("/sql/dimentica", post(editor::kept::forget)),
        ("/consegne", get(office::page).post(office::send).layer(DefaultBodyLimit::disable())),
        ("/consegne/calendario", get(office::calendar::page)),
        ("/consegne/firma", post(office::calendar::sign)),
        ("/consegne/{id}", get(office::report::page)),
        ("/consegne/{id}/correggi", post(office::report::correct)),
        ("/moduli", get(forms::list)),
        ("/moduli/{area}/{name}", get(forms::page).post(forms::post).layer(DefaultBodyLimit::max(FORM))),
        ("/moduli/{area}/{name}/controlla", post(forms::check).layer(DefaultBodyLimit::max(FORM))),
        ("/moduli/{area}/{name}/valori", get(forms::references::search)),
        ("/moduli/bozze/{id}/elimina", post(forms::drop_draft)),
        ("/pratiche", get(cases::list)),
        ("/pratiche.csv", get(cases::api::export)),
        ("/pratiche/{id}", get(cases::page)),
        ("/pratiche/{id}/passi", post(cases::step)),
        ("/pratiche/{id}/ricevuta.pdf", get(cases::receipt)),
        ("/pratiche/{id}/documenti/{hash}", get(cases::document_of)),
        ("/cerca", get(found::page)),
        ("/dataset/{area}/{name}", get(catalogue::dataset)),
        ("/indicatori", get(indicators::page)),
        ("/indicatore/{name}", get(indicator::page)),
        ("/indicatore/{name}/mappa.svg", get(indicator::map)),
        ("/territorio", get(territory::list)),
        ("/territorio/{place}", get(territory::page)),
        ("/esplora", get(explore::page)),
        ("/esplora/grafico.svg", get(explore::picture)),
        ("/mappa", get(finder::page)),
        ("/mappa/servizi.geojson", get(finder::geojson)),
        ("/dataset/{area}/{name}/versioni", get(versions::versions)),
        ("/dataset/{area}/{name}/confronto", get(versions::comparison)),
        ("/novita", get(versions::news)),
        ("/accessibilita", get(notes::accessibility)),
        ("/privacy", get(notes::privacy)),
        ("/licenza", get(notes::licence)),
        ("/contatti", get(notes::contacts)),
        ("/collegarsi", get(connect::page)),
        ("/open/feed.atom", get(open::feed::all)),
        ("/open/{area}/{name}", get(open::index)),
        ("/open/{area}/{name}/feed.atom", get(open::feed::one)),
        ("/open/{area}/{name}/diff", get(open::changes::diff)),
        ("/open/{area}/{name}/{release}/{file}", get(open::file)),
        ("/static/{hash}/{name}", get(pages::asset)),
        ("/cruscotti", get(boards::list)),
        ("/cruscotti/{name}", get(boards::page)),
        ("/cruscotti/{name}/{file}", get(boards::panel::file)),
        ("/status", get(status::status)),
        ("/metrics", get(status::metrics)),
        ("/catalog", get(catalogue::whole)),
        ("/catalog.ttl", get(catalogue::whole)),
        ("/catalog.rdf", get(catalogue::whole)),
        ("/catalog.jsonld", get(catalogue::whole)),
        ("/sitemap.xml", get(catalogue::site_map)),
        ("/robots.txt", get(catalogue::robots)),
        ("/api/3/action/{action}", get(ckan::action).post(ckan::action)),
        ("/api/action/{action}", get(ckan::action).post(ckan::action)),
        ("/api/openapi.json", get(openapi::document)),
        ("/api/v1/sql", post(sql::sql)),
        ("/api/v1/datasets", get(datasets::list)),
        ("/api/v1/datasets/{area}/{name}", get(datasets::dictionary)),
        ("/api/v1/datasets/{area}/{name}/schema.json", get(datasets::json_schema)),
        ("/api/v1/datasets/{area}/{name}/template.csv", get(datasets::csv_template)),
        ("/api/v1/datasets/{area}/{name}/odcs.yaml", get(datasets::odcs)),
        ("/api/v1/datasets/{area}/{name}/datapackage.json", get(datasets::frictionless)),
        ("/api/v1/datasets/{area}/{name}/rows", get(rows::rows)),
        ("/api/v1/leps", get(leps::list)),
        ("/api/v1/leps/{indicator}", get(leps::values)),
        ("/api/v1/obligations", get(obligations::list)),
        ("/api/v1/obligations.ics", get(obligations::calendar)),
        ("/api/v1/completeness", get(obligations::completeness)),
        ("/api/v1/certifications", get(certifications::list).post(certifications::sign)),
        ("/api/v1/certifications/{id}", get(certifications::one)),
        ("/api/v1/forecasts", get(forecasts::list)),
        ("/api/v1/forms", get(forms::api::list)),
        ("/api/v1/forms/{area}/{name}", get(forms::api::definition).post(forms::api::send).layer(DefaultBodyLimit::max(FORM))),
        ("/api/v1/forms/{area}/{name}/check", post(forms::api::check).layer(DefaultBodyLimit::max(FORM))),
        ("/api/v1/cases", get(cases::api::list)),
        ("/api/v1/cases/{id}", get(cases::api::one)),
        ("/api/v1/cases/{id}/moves", post(cases::api::step).layer(DefaultBodyLimit::max(FORM))),
        ("/api/v1/deliveries", post(deliveries::receive).layer(DefaultBodyLimit::disable())),
        ("/api/v1/deliveries/{id}", get(deliveries::report)),
        ("/api/v1/deliveries/{id}/upload", uploads::routes()),
        ("/waas/v1/flussi", get(waas::flows)),
        ("/waas/v1/esiti", post(waas::outcomes)),
        ("/waas/v1/status", get(waas::status)),
    ]
    .map(|(path, handler)| (path.to_string(), handler))
    .into();
    for format in Format::ALL {
        let extension = format.extension();
        routes.push((format!("/esplora/risultato.{extension}"), get(explore::file)));
        routes.push((format!("/sql/risposta.{extension}"), post(editor::export)));
        routes.push((format!("/api/v1/sql.{extension}"), post(sql::sql)));
        routes.push((format!("/api/v1/datasets/{{area}}/{{name}}/rows.{extension}"), get(rows::rows)));
    }
    routes
}
