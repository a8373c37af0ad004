//! Pages that say what the law asks a public site to say: accessibility, privacy, licence, contacts.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::Result;

/// `GET /accessibilita`
pub async fn accessibility(State(app): State<App>, frame: Frame) -> Result<Response> {
    app.site.render("accessibility.html", &frame, ())
}

/// `GET /privacy`
pub async fn privacy(State(app): State<App>, frame: Frame) -> Result<Response> {
    app.site.render("privacy.html", &frame, ())
}

/// `GET /licenza`
pub async fn licence(State(app): State<App>, frame: Frame) -> Result<Response> {
    app.site.render("licence.html", &frame, ())
}

/// `GET /contatti`
pub async fn contacts(State(app): State<App>, frame: Frame) -> Result<Response> {
    app.site.render("contacts.html", &frame, ())
}
