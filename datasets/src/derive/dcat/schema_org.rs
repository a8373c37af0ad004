//! schema.org for search engines: what a dataset's page says of it in a block of JSON-LD.

use serde_json::{Value, json};

use super::{PUBLISHER, Portal, Published, words};

/// The `Dataset` of schema.org. Words are those of the page's language, `it` or `en`.
pub fn dataset(portal: &Portal, dataset: &Published<'_>, language: &str) -> Value {
    let contract = dataset.contract;
    let say = |text: &crate::model::Text| if language == "en" { text.en.clone() } else { text.it.clone() };
    let keywords = contract.publication.as_ref().map_or(Vec::new(), |p| p.keywords.iter().map(say).collect());
    let downloads: Vec<Value> = dataset
        .files
        .iter()
        .map(|file| {
            json!({
                "@type": "DataDownload",
                "name": file.name,
                "description": say(&words(file)),
                "encodingFormat": file.media_type,
                "contentUrl": format!("{}{}", portal.base, file.path),
                "contentSize": file.bytes.map(|bytes| bytes.to_string()),
                "sha256": file.sha256,
            })
        })
        .collect();
    let licence = match contract.publication.as_ref().map(|p| p.licence.as_str()) {
        Some("CC-BY-4.0") | None => "https://creativecommons.org/licenses/by/4.0/".to_owned(),
        Some("CC0-1.0") => "https://creativecommons.org/publicdomain/zero/1.0/".to_owned(),
        Some(other) => format!("https://spdx.org/licenses/{other}"),
    };
    json!({
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "@id": super::subject(portal, dataset),
        "identifier": dataset.identifier(),
        "name": say(&contract.title),
        "description": say(&contract.description),
        "url": format!("{}{}", portal.base, dataset.path()),
        "inLanguage": ["it", "en"],
        "keywords": keywords,
        "license": licence,
        "isAccessibleForFree": true,
        "version": dataset.release,
        "datePublished": dataset.first.map(|day| day.to_string()),
        "dateModified": dataset.issued.to_string(),
        "creator": { "@type": "Organization", "name": PUBLISHER },
        "publisher": { "@type": "Organization", "name": PUBLISHER },
        "spatialCoverage": { "@type": "Place", "name": "Lazio, Italia", "sameAs": super::terms::LAZIO },
        "includedInDataCatalog": { "@type": "DataCatalog", "name": "SISS, Regione Lazio", "url": format!("{}/catalog", portal.base) },
        "variableMeasured": contract.columns.iter().filter(|c| c.class == crate::model::Class::Public).map(|c| json!({ "@type": "PropertyValue", "name": c.name, "description": say(&c.title) })).collect::<Vec<_>>(),
        "distribution": downloads,
    })
}

/// JSON that may stand inside `<script type="application/ld+json">`: nothing in it can end the element.
pub fn embeddable(value: &Value) -> String {
    value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
