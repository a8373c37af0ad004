//! `GET /api/openapi.json`: the parts under `api/openapi/`, put together.

use std::sync::LazyLock;

use axum::Json;
use serde_json::{Map, Value};

const PARTS: [&str; 10] = [
    include_str!("../../../openapi/api.toml"),
    include_str!("../../../openapi/query.toml"),
    include_str!("../../../openapi/open.toml"),
    include_str!("../../../openapi/datasets.toml"),
    include_str!("../../../openapi/deliveries.toml"),
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
    Value::Object(document)
});

pub async fn document() -> Json<&'static Value> {
    Json(&DOCUMENT)
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

    /// Pages are for people: the document describes what programs call.
    fn page(path: &str) -> bool {
        let called = ["/api/", "/waas/", "/open/", "/catalog"].iter().any(|start| path.starts_with(start));
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
