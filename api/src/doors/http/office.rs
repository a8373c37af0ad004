//! `/consegne`: the pages of those who deliver. One's deliveries with their state, and the form to send a file; the report of each and its
//! correction are in [`report`], the calendar and the signatures in [`calendar`].

use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::{Query, State};
use axum::response::Response;
use datasets::duties::is_owed;
use datasets::model::{Contract, DatasetName, Sender};
use futures::StreamExt;
use http::StatusCode;
use ingest::incoming::{self, Incoming, Receipt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;
use warehouse::principal::Principal;
use warehouse::session::rows::{Page, Sort};

use crate::app::App;
use crate::doors::http::deliveries::{self, SILENCE};
use crate::doors::http::encode;
use crate::doors::http::problem::{Problem, Result};
use crate::doors::http::session::{Desk, FORM};
use crate::site::words::Language;

pub mod calendar;
pub mod report;

/// Deliveries of a page.
const SHOWN: usize = 25;
/// Bytes of a field that is not the file.
const FIELD: usize = 500;
/// How long the form waits for the report before it shows the receipt.
const WAIT: std::time::Duration = std::time::Duration::from_secs(20);

/// What the form is filled in with, and which page of the list is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    dataset: String,
    periodo: String,
    pagina: usize,
}

/// `GET /consegne`
pub async fn page(State(app): State<App>, desk: Desk, Query(asked): Query<Asked>) -> Result<Response> {
    let language = desk.frame.language;
    let (rows, more) = delivered(&app, &desk, asked.pagina).await?;
    let open: Vec<Value> = if asked.pagina == 0 { under_way(&app, desk.who()).await? } else { Vec::new() };
    let titled = |mut row: Value| {
        row["title"] = json!(row["dataset"].as_str().map(|name| title(&app, name, language)));
        row
    };
    let feeds: Vec<Value> = feeds(&app, desk.who()).into_iter().map(|contract| feed(contract, language)).collect();
    let values = json!({
        "word": desk.word(), "delivers": may_deliver(&app, desk.who()), "sender": own(desk.who()), "feeds": feeds,
        "dataset": asked.dataset, "periodo": asked.periodo, "pagina": asked.pagina, "more": more,
        "open": open.into_iter().map(titled).collect::<Vec<_>>(), "rows": rows.into_iter().map(titled).collect::<Vec<_>>(),
        "debts": calendar::summary(&app, &desk).await?,
    });
    app.site.render("deliveries.html", &desk.frame, values)
}

/// One page of what the account may see of `sistema.deliveries`, newest first, and whether there is more.
async fn delivered(app: &App, desk: &Desk, page: usize) -> Result<(Vec<Value>, bool)> {
    let session = app.warehouse.session(desk.who()).await?;
    let table: DatasetName = "sistema.deliveries".parse().map_err(|e: String| Problem::internal("office.table", e))?;
    if session.dataset(&table).is_err() {
        return Ok((Vec::new(), false));
    }
    let sort = vec![Sort { column: "ricevuta_il".into(), descending: true }, Sort { column: "consegna".into(), descending: false }];
    let page = Page { sort, limit: Some(SHOWN + 1), offset: page.saturating_mul(SHOWN), ..Page::default() };
    let mut rows = encode::gathered(session.rows(&table, page).await?).await?;
    let more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    Ok((rows, more))
}

/// Receipts of the account's body whose report is not there yet.
async fn under_way(app: &App, who: &Principal) -> Result<Vec<Value>> {
    let mut open = Vec::new();
    for receipt in app.deliveries.landing().unfinished().await.map_err(deliveries::problem)? {
        let theirs = incoming::authorize(app.warehouse.catalog(), who, &receipt.sender).is_ok();
        if theirs && app.deliveries.report(&receipt.id).await.map_err(deliveries::problem)?.is_none() {
            open.push(json!({ "consegna": receipt.id, "dataset": receipt.dataset, "ente": receipt.sender, "periodo_dati": receipt.period, "file": receipt.file, "ricevuta_il": receipt.received }));
        }
    }
    Ok(open)
}

/// `POST /consegne`: a file with what it is. The fields come before the file, so that nothing of a form that is not ours is kept.
pub async fn send(State(app): State<App>, desk: Desk, form: Result<Multipart, MultipartRejection>) -> Result<Response> {
    let mut form = form.map_err(|rejection| Problem::new(rejection.status(), "body.form", rejection.body_text()))?;
    let (mut word, mut incoming) = (String::new(), Incoming { account: desk.account().to_owned(), ..Incoming::default() });
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name().unwrap_or_default() {
            FORM => word = text(field).await?,
            "dataset" => incoming.dataset = text(field).await?,
            "ente" => incoming.sender = text(field).await?,
            "periodo" => incoming.period = text(field).await?,
            "file" => {
                desk.confirm(&word)?;
                incoming.file_name = field.file_name().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
                if incoming.file_name.is_empty() {
                    return Err(Problem::invalid("delivery.no_file", "choose a file").with("detail_it", "Scegliere un file."));
                }
                deliveries::authorize(&app, desk.who(), &incoming.sender)?;
                let receipt = app.deliveries.receive(incoming, reader(field)).await.map_err(deliveries::problem)?;
                return worked(&app, &desk, receipt).await;
            }
            _ => drop(text(field).await?),
        }
    }
    Err(Problem::invalid("delivery.no_file", "the form has no file").with("detail_it", "Nel modulo non c'è un file."))
}

/// Works a delivery in the background and goes to its page, which shows the receipt until the report is there.
async fn worked(app: &App, desk: &Desk, receipt: Receipt) -> Result<Response> {
    let (service, id) = (app.deliveries.clone(), receipt.id.clone());
    let work = tokio::spawn(async move {
        service.process(&id, &|_| {}).await?;
        // Who goes on to the list finds the delivery in it.
        service.flush().await
    });
    if let Ok(done) = tokio::time::timeout(WAIT, work).await {
        done.map_err(|e| Problem::internal("office.process", e))?.map_err(deliveries::problem)?;
    }
    let again = if receipt.duplicate { "?gia=1" } else { "" };
    Ok(desk.go(&format!("/consegne/{}{again}", receipt.id)))
}

async fn text(mut field: Field<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > FIELD {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body.form", format!("a field has {FIELD} bytes at most")));
        }
    }
    String::from_utf8(bytes).map(|text| text.trim().to_owned()).map_err(|_| Problem::invalid("body.utf8", "a field is not UTF-8"))
}

/// The file of a form as a reader that ends with an error when its sender breaks off or falls silent.
fn reader<'a>(field: Field<'a>) -> impl AsyncRead + Unpin + Send + 'a {
    let patient = tokio_stream::StreamExt::timeout(field, SILENCE);
    let bytes = patient.map(|item| item.map_err(std::io::Error::other)?.map_err(std::io::Error::other));
    StreamReader::new(Box::pin(bytes))
}

fn broken(error: MultipartError) -> Problem {
    Problem::new(error.status(), "upload.broken", "the form did not arrive whole: send it again")
        .with("detail_it", "Il modulo non è arrivato intero: inviarlo di nuovo.")
}

/// The body of an account, as deliveries name it.
pub fn own(who: &Principal) -> Option<&str> {
    ["codice_istat", "ambito"].iter().find_map(|fact| who.facts.get(*fact)).map(String::as_str)
}

fn may_deliver(app: &App, who: &Principal) -> bool {
    match app.warehouse.catalog().roles.get(&who.role).and_then(|role| role.deliver.as_deref()) {
        Some("any") => true,
        Some("own") => own(who).is_some(),
        _ => false,
    }
}

/// The datasets that an account may deliver.
fn feeds<'a>(app: &'a App, who: &Principal) -> Vec<&'a Contract> {
    let kind = if who.facts.contains_key("codice_istat") { Some(Sender::Comune) } else { who.facts.contains_key("ambito").then_some(Sender::Ambito) };
    let sent = |contract: &&Contract| contract.derived.is_none() && contract.name.area != "sistema" && kind.is_none_or(|kind| contract.feed.senders == kind);
    app.warehouse.catalog().contracts.values().filter(|_| may_deliver(app, who)).filter(sent).collect()
}

fn feed(contract: &Contract, language: Language) -> Value {
    let (area, name) = (&contract.name.area, &contract.name.name);
    json!({
        "name": contract.name.to_string(), "title": language.say(&contract.title), "frequency": contract.feed.frequency, "owed": is_owed(contract),
        "template": format!("/api/v1/datasets/{area}/{name}/template.csv"), "page": format!("/dataset/{area}/{name}"),
    })
}

/// The title of a dataset by its name; the name where there is no such dataset any more.
pub fn title(app: &App, dataset: &str, language: Language) -> String {
    let contract = dataset.parse::<DatasetName>().ok().and_then(|name| app.warehouse.catalog().get(&name));
    contract.map_or_else(|| dataset.to_owned(), |contract| language.say(&contract.title).to_owned())
}
