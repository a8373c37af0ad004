//! Dashboards: their list, a page of panels at one snapshot, and each panel as a file or to stand within another site's page.

mod choice;
mod gather;
pub mod panel;

use std::sync::Arc;

use anyhow::bail;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use dashboards::board::{Dashboard, Filter, Panel, datasets_of};
use dashboards::boundaries::Boundaries;
use dashboards::theme::Theme;
use datasets::catalog::Catalog;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;
use warehouse::session::Session;

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::boards::choice::Asked;
use crate::doors::http::boards::gather::{Answer, Gathered};
use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::reading::say;

/// The dashboards' files and the boundaries their maps are drawn with, read at start.
#[derive(Clone)]
pub struct Boards(Arc<Inner>);

struct Inner {
    all: Vec<Dashboard>,
    boundaries: Boundaries,
}

/// Whether a reader may see any of a dashboard. That it exists is no secret: its file is public.
enum Door<'a> {
    Open(&'a Dashboard),
    Closed(&'a Dashboard),
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

    /// Names of those that a session may see any of.
    pub fn open_to(&self, session: &Session) -> impl Iterator<Item = &str> {
        self.0.all.iter().filter(|board| open(board, session)).map(|board| board.name.as_str())
    }

    fn find(&self, name: &str, session: &Session) -> Result<Door<'_>> {
        let board = self.0.all.iter().find(|board| board.name == name).ok_or_else(Problem::not_found)?;
        Ok(if open(board, session) { Door::Open(board) } else { Door::Closed(board) })
    }
}

/// The session has every dataset of at least one panel, and of the choice of years. Columns are looked at when they are asked for.
fn open(board: &Dashboard, session: &Session) -> bool {
    let may = |sql: &str| datasets_of(sql).iter().all(|name| session.dataset(name).is_ok());
    may(&board.years) && board.panels.iter().any(|panel| may(&panel.sql))
}

/// Who may not: a stranger may become somebody who may.
fn refused(frame: &Frame) -> Problem {
    if frame.who == stranger() {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, "auth.required", "sign in to see this");
        return problem.with("detail_it", "per vederlo occorre accedere");
    }
    let problem = Problem::new(StatusCode::FORBIDDEN, "board.closed", "this account may not see the data of this panel");
    problem.with("detail_it", "questa utenza non vede i dati di questo pannello")
}

/// `GET /cruscotti`
pub async fn list(State(app): State<App>, frame: Frame) -> Result<Response> {
    let session = app.warehouse.session(&frame.who).await?;
    let told = |board: &&Dashboard| described(&frame, board);
    let (seen, closed): (Vec<&Dashboard>, Vec<&Dashboard>) = app.boards.0.all.iter().partition(|board| open(board, &session));
    let (seen, closed): (Vec<Value>, Vec<Value>) = (seen.iter().map(told).collect(), closed.iter().map(told).collect());
    app.site.render("boards.html", &frame, json!({ "boards": seen, "closed": closed }))
}

/// `GET /cruscotti/{name}`
pub async fn page(State(app): State<App>, mut frame: Frame, Path(name): Path<String>, Query(asked): Query<Asked>, question: Question) -> Result<Response> {
    // Another site's page gets what anybody may see, whoever the browser says it is.
    if asked.embedded() {
        frame.who = stranger();
    }
    let session = app.warehouse.session(&frame.who).await?;
    let board = match app.boards.find(&name, &session)? {
        Door::Open(board) => board,
        Door::Closed(board) => return closed(&app, &frame, board),
    };
    let gathered = gather::gather(&app, session, board, asked.panel.as_deref(), &asked, say(frame.language)).await?;
    if gathered.panels.is_empty() {
        return Err(Problem::not_found());
    }
    let values = values(&app, &frame, board, &gathered, asked.embedded());
    let response = match asked.embedded() {
        false => app.site.render("board.html", &frame, values)?,
        true => embeddable(app.site.render("board_embed.html", &frame, values)?),
    };
    Ok(question.answer(&app, &frame.who, &gathered.moment, response).await)
}

/// A page that says why there is nothing, with the way in.
fn closed(app: &App, frame: &Frame, board: &Dashboard) -> Result<Response> {
    let mut response = app.site.render("board_closed.html", frame, json!({ "board": described(frame, board) }))?;
    *response.status_mut() = StatusCode::FORBIDDEN;
    Ok(response)
}

fn described(frame: &Frame, board: &Dashboard) -> Value {
    json!({ "name": board.name, "title": frame.language.say(&board.title), "description": frame.language.say(&board.description) })
}

fn values(app: &App, frame: &Frame, board: &Dashboard, gathered: &Gathered, embedded: bool) -> Value {
    let (mut panels, mut hidden) = (Vec::new(), Vec::new());
    for (panel, answer) in &gathered.panels {
        let title = frame.language.say(&panel.title);
        match answer {
            Answer::Hidden => hidden.push(title),
            Answer::Drawn(drawing) => panels.push(json!({
                "name": panel.name,
                "title": title,
                "description": frame.language.say(&panel.description),
                "indicator": panel.indicator,
                "sources": sources(app, frame, panel, gathered),
                "svg": drawing.svg(app.boards.boundaries(), &Theme::narrow()),
                "table": drawing.table(),
            })),
        }
    }
    let mut choice = Serializer::new(String::new());
    for (filter, value) in &gathered.chosen {
        choice.append_pair(filter.name(), value);
    }
    let versions: Vec<Value> = gathered.versions.iter().map(|(name, version)| json!({ "dataset": name.to_string(), "version": version })).collect();
    json!({
        "board": described(frame, board),
        "embedded": embedded,
        "panels": panels,
        "hidden": hidden,
        "filters": filters(board, gathered),
        "choice": choice.finish(),
        "snapshot": versions,
    })
}

/// Where a panel's numbers come from, each with the version they were read at.
fn sources(app: &App, frame: &Frame, panel: &Panel, gathered: &Gathered) -> Vec<Value> {
    let source = |name: &datasets::model::DatasetName| {
        let title = app.warehouse.catalog().get(name).map(|contract| frame.language.say(&contract.title));
        json!({ "name": name.to_string(), "href": format!("/dataset/{}/{}", name.area, name.name), "title": title, "version": gathered.versions.get(name) })
    };
    panel.datasets().iter().map(source).collect()
}

/// What the form offers: only what some panel follows, and of which there is something to choose.
fn filters(board: &Dashboard, gathered: &Gathered) -> Vec<Value> {
    let offer = |filter: Filter| {
        let of = |(value, label): &(String, String)| json!({ "value": value, "label": label, "chosen": gathered.chosen.get(&filter) == Some(value) });
        let list: Vec<Value> = gathered.options.of(filter).iter().map(of).collect();
        json!({ "name": filter.name(), "all": gathered.options.all(filter), "options": list })
    };
    board.filters().into_iter().filter(|filter| !gathered.options.of(*filter).is_empty()).map(offer).collect()
}

/// Any site may show this page in a frame, and no other of ours.
fn embeddable(mut response: Response) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors *";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
