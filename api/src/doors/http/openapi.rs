//! `GET /api/openapi.json`: the parts under `api/openapi/`, put together.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use datasets::derive::dcat::PUBLISHER;
use serde_json::{Map, Value, json};

use crate::accounts::stranger;
use crate::app::App;
use crate::doors::http::answers::Question;
use crate::doors::http::base::Base;

const PARTS: [&str; 12] = [
    include_str!("../../../openapi/api.toml"),
    include_str!("../../../openapi/query.toml"),
    include_str!("../../../openapi/open.toml"),
    include_str!("../../../openapi/datasets.toml"),
    include_str!("../../../openapi/catalogue.toml"),
    include_str!("../../../openapi/deliveries.toml"),
    include_str!("../../../openapi/forms.toml"),
    include_str!("../../../openapi/leps.toml"),
    include_str!("../../../openapi/obligations.toml"),
    include_str!("../../../openapi/service.toml"),
    include_str!("../../../openapi/schemas.toml"),
    include_str!("../../../openapi/waas.toml"),
];

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = Map::new();
    for part in PARTS {
        merge(&mut document, toml::from_str(part).expect("the parts of the OpenAPI document are well formed"));
    }
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    let mut document = Value::Object(document);
    common(&mut document);
    document
});

/// Limits that every client has.
const LIMITS: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// `GET /api/openapi.json`: with this server's own address and office.
pub async fn document(State(app): State<App>, base: Base, question: Question) -> Response {
    let mut document = DOCUMENT.clone();
    let secure = base.0.starts_with("https:");
    document["servers"] = json!([{ "url": base.0, "description": "Regione Lazio, SISS", "x-sandbox": !secure }]);
    document["info"]["contact"] = json!({ "name": PUBLISHER, "email": app.listen.public.contact, "url": format!("{}/contatti", base.0) });
    document["info"]["termsOfService"] = format!("{}/licenza", base.0).into();
    question.answer(&app, &stranger(), &BTreeMap::new(), Json(document).into_response()).await
}

/// What holds for each operation: its limits are said in each answer, and it may be refused for asking too much or at a bad moment.
fn common(document: &mut Value) {
    for response in members(&mut document["components"]["responses"]) {
        say_limits(response);
    }
    for path in members(&mut document["paths"]) {
        for operation in members(path).filter(|operation| operation.is_object()) {
            for (status, kind) in [("429", "TooMany"), ("503", "Busy")] {
                operation["responses"][status] = json!({ "$ref": format!("#/components/responses/{kind}") });
            }
            for response in members(&mut operation["responses"]).filter(|response| response.get("$ref").is_none()) {
                say_limits(response);
            }
        }
    }
}

fn say_limits(response: &mut Value) {
    for name in LIMITS {
        response["headers"][name] = json!({ "$ref": format!("#/components/headers/{name}") });
    }
}

fn members(of: &mut Value) -> impl Iterator<Item = &mut Value> {
    of.as_object_mut().into_iter().flat_map(Map::values_mut)
}

/// Adds `from` to `into`, object by object.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Object(there)), Value::Object(more)) => merge(there, more),
            (_, value) => drop(into.insert(name, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doors::http::format::Format;
    use std::collections::BTreeSet;

    /// Pages are for people: the document describes what programs call. A dataset's page is RDF too.
    fn page(path: &str) -> bool {
        let called = ["/api/", "/waas/", "/open/", "/catalog"].iter().any(|start| path.starts_with(start)) || path == "/dataset/{area}/{name}";
        !called && !["/status", "/metrics"].contains(&path)
    }

    /// Routes by extension stand in the document as one path each; lists of a delivery are one route for two paths.
    #[test]
    fn every_route_is_in_the_document_and_the_other_way_round() {
        let extensions: Vec<String> = Format::ALL.iter().map(|f| format!(".{}", f.extension())).collect();
        let mut served = BTreeSet::new();
        for (path, _) in crate::doors::http::routes() {
            let by_extension =
                ["/api/v1/sql", "/api/v1/datasets/{area}/{name}/rows"].iter().find(|stem| extensions.iter().any(|e| path == format!("{stem}{e}")));
            match by_extension {
                Some(stem) => served.insert(format!("{stem}.{{format}}")),
                None if page(&path) => false,
                None => served.insert(path),
            };
        }
        served.extend(["/api/v1/deliveries/{id}.csv".into(), "/api/v1/deliveries/{id}.refused.csv".into()]);
        let written: BTreeSet<String> = DOCUMENT["paths"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(served, written);
    }

    #[test]
    fn references_lead_somewhere() {
        let text = DOCUMENT.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(DOCUMENT.pointer(reference).is_some(), "{reference}");
        }
    }
}
