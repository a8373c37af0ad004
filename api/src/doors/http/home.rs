//! `GET /`: what the portal is and what is in it.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::app::App;
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::Result;

#[derive(Serialize)]
struct Area<'a> {
    name: &'a str,
    datasets: Vec<Dataset<'a>>,
}

#[derive(Serialize)]
struct Dataset<'a> {
    name: String,
    href: String,
    title: &'a str,
    description: &'a str,
}

pub async fn home(State(app): State<App>, frame: Frame) -> Result<Response> {
    let session = app.warehouse.session(&frame.who).await?;
    let visible = session.datasets();
    let mut areas: Vec<Area> = Vec::new();
    for dataset in &visible {
        let (title, description) = (frame.language.say(&dataset.contract.title), frame.language.say(&dataset.contract.description));
        let href = format!("/api/v1/datasets/{}/{}", dataset.name.area, dataset.name.name);
        let entry = Dataset { name: dataset.name.to_string(), href, title, description };
        match areas.last_mut() {
            Some(area) if area.name == dataset.name.area => area.datasets.push(entry),
            _ => areas.push(Area { name: &dataset.name.area, datasets: vec![entry] }),
        }
    }
    app.site.render("home.html", &frame, json!({ "areas": areas }))
}
