//! Dashboards: their list, a page of panels at one snapshot, and each panel as a file or to stand within another site's page.

mod choice;
mod gather;
pub mod panel;

use std::sync::Arc;

use anyhow::bail;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use dashboards::board::{Dashboard, Filter};
use dashboards::boundaries::Boundaries;
use dashboards::theme::Theme;
use datasets::catalog::Catalog;
use datasets::contract::tables;
use datasets::language::Language;
use http::{HeaderValue, header};
use serde_json::{Value, json};
use warehouse::session::Session;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::boards::choice::Asked;
use crate::doors::http::boards::gather::{Answer, Gathered};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::site::words;

/// The dashboards' files and the boundaries their maps are drawn with, read at start.
#[derive(Clone)]
pub struct Boards(Arc<Inner>);

struct Inner {
    all: Vec<Dashboard>,
    boundaries: Boundaries,
}

impl Boards {
    /// Reads the folder beside that of the contracts; where there is none there are no dashboards. Errors: every mistake of every file.
    pub fn load(catalog: &Catalog) -> anyhow::Result<Self> {
        let dir = dashboards::load::beside(&catalog.dir);
        let all = match dashboards::load::load(&dir, catalog) {
            Ok(all) => all,
            Err(mistakes) => bail!("{}", mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
        };
        let boundaries = if all.is_empty() { Boundaries::default() } else { Boundaries::load(&catalog.dir).map_err(anyhow::Error::msg)? };
        Ok(Self(Arc::new(Inner { all, boundaries })))
    }

    pub fn boundaries(&self) -> &Boundaries {
        &self.0.boundaries
    }

    /// The dashboard of a name, if the session may see any of it; absent and hidden are the same answer.
    fn find(&self, name: &str, session: &Session) -> Result<&Dashboard> {
        self.seen(session).find(|board| board.name == name).ok_or_else(Problem::not_found)
    }

    fn seen(&self, session: &Session) -> impl Iterator<Item = &Dashboard> {
        self.0.all.iter().filter(|board| may(session, &board.years) && board.panels.iter().any(|panel| may(session, &panel.sql)))
    }
}

/// Whether the session has every table of a query. Columns are looked at when it is asked.
fn may(session: &Session, sql: &str) -> bool {
    tables(sql).iter().all(|table| table.parse().is_ok_and(|name| session.dataset(&name).is_ok()))
}

/// `GET /cruscotti`
pub async fn list(State(app): State<App>, frame: Frame) -> Result<Response> {
    let session = app.warehouse.session(&frame.who).await?;
    let say = |board: &Dashboard| json!({ "name": board.name, "title": frame.language.say(&board.title), "description": frame.language.say(&board.description) });
    let boards: Vec<Value> = app.boards.seen(&session).map(say).collect();
    app.site.render("boards.html", &frame, json!({ "boards": boards }))
}

/// `GET /cruscotti/{name}`
pub async fn page(State(app): State<App>, mut frame: Frame, Path(name): Path<String>, Query(asked): Query<Asked>) -> Result<Response> {
    // Another site's page gets what anybody may see, whoever the browser says it is.
    if asked.embedded() {
        frame.who = stranger();
    }
    let session = app.warehouse.session(&frame.who).await?;
    let board = app.boards.find(&name, &session)?;
    let language = language(frame.language);
    let gathered = gather::gather(&app, &session, board, None, &asked, language).await?;
    let values = values(&app, &frame, board, &gathered, &asked);
    if !asked.embedded() {
        return app.site.render("board.html", &frame, values);
    }
    Ok(embeddable(app.site.render("board_embed.html", &frame, values)?))
}

fn values(app: &App, frame: &Frame, board: &Dashboard, gathered: &Gathered, asked: &Asked) -> Value {
    let (mut panels, mut hidden) = (Vec::new(), Vec::new());
    for (panel, answer) in &gathered.panels {
        let title = frame.language.say(&panel.title);
        match answer {
            Answer::Hidden => hidden.push(title),
            Answer::Drawn(drawing) => panels.push(json!({
                "name": panel.name,
                "title": title,
                "description": frame.language.say(&panel.description),
                "svg": drawing.svg(app.boards.boundaries(), &Theme::narrow()),
                "table": drawing.table(),
            })),
        }
    }
    if let Some(only) = &asked.panel {
        panels.retain(|panel| panel["name"] == *only);
    }
    let versions: Vec<String> = gathered.versions.iter().map(|(name, version)| format!("{name} v{version}")).collect();
    json!({
        "board": { "name": board.name, "title": frame.language.say(&board.title), "description": frame.language.say(&board.description) },
        "panels": panels,
        "hidden": hidden,
        "filters": filters(board, gathered),
        "choice": gathered.address(),
        "snapshot": versions.join(", "),
    })
}

/// What the form offers: only what some panel follows.
fn filters(board: &Dashboard, gathered: &Gathered) -> Vec<Value> {
    let offer = |filter: Filter| {
        let of = |(value, label): &(String, String)| json!({ "value": value, "label": label, "chosen": gathered.chosen.get(&filter) == Some(value) });
        let list: Vec<Value> = gathered.options.of(filter).iter().map(of).collect();
        json!({ "name": filter.name(), "all": filter != Filter::Anno, "options": list })
    };
    board.filters().into_iter().map(offer).collect()
}

/// Any site may show this page in a frame, and no other of ours.
fn embeddable(mut response: Response) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors *";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn language(page: words::Language) -> Language {
    if page == words::Language::English { Language::En } else { Language::It }
}
