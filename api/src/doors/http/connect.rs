//! `GET /collegarsi`: how to reach the data from other programs.

use axum::extract::{OriginalUri, State};
use axum::response::Response;
use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use serde::Serialize;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};

#[derive(Serialize)]
struct Doors<'a> {
    /// Who signs in, in the examples.
    example_account: &'a str,
    http: String,
    postgres_host: String,
    postgres_port: String,
    flight: String,
}

pub async fn page(State(app): State<App>, frame: Frame, OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Result<Response> {
    let addresses = app.addresses.get().ok_or_else(|| Problem::internal("connect.addresses", "the doors are not open yet"))?;
    let host = host(&uri, &headers);
    let reached = |address: &str| address.replace("0.0.0.0", &host).replace("[::]", &host);
    let (postgres_host, postgres_port) = addresses.postgres.rsplit_once(':').unwrap_or((&addresses.postgres, "5432"));
    let nobody = app.site.words(frame.language).get("connect_account").map_or("account", String::as_str);
    let doors = Doors {
        example_account: if frame.who == stranger() { nobody } else { &frame.who.account },
        http: reached(&addresses.http),
        postgres_host: reached(postgres_host).trim_matches(['[', ']']).into(),
        postgres_port: postgres_port.into(),
        flight: reached(&addresses.flight),
    };
    app.site.render("connect.html", &frame, &doors)
}

/// The name by which the asker reached us: doors that listen on every address have no other.
pub fn host(uri: &Uri, headers: &HeaderMap) -> String {
    let said = uri.host().or_else(|| headers.get(header::HOST)?.to_str().ok());
    let name = said.and_then(|said| said.parse::<Authority>().ok()).map(|said| said.host().to_owned());
    name.unwrap_or_else(|| "localhost".into())
}
