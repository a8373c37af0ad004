//! Packages, resources, organisation, groups, tags and licences, as CKAN shows them.

use std::collections::BTreeMap;

use datasets::derive::dcat::terms::theme_title;
use datasets::derive::dcat::{File, PUBLISHER, PUBLISHER_CODE, Published, words};
use datasets::model::Frequency;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Failure, Outcome, Parameters, Site, flag, number, required};

/// An identifier that follows from a name, so that it stays the same.
pub fn id(of: &str) -> String {
    let digest = Sha256::digest(format!("{PUBLISHER_CODE}:{of}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// CKAN's names have no point: `assa-strutture`.
pub fn name(dataset: &Published<'_>) -> String {
    format!("{}-{}", dataset.contract.name.area, dataset.contract.name.name)
}

pub fn resource_id(file: &File) -> String {
    id(&format!("resource:{}", file.latest))
}

pub fn theme<'a>(dataset: &'a Published<'_>) -> &'a str {
    dataset.contract.publication.as_ref().map_or("SOCI", |p| &p.theme)
}

/// CKAN's group is the theme.
pub fn group_name(dataset: &Published<'_>) -> String {
    theme(dataset).to_lowercase()
}

pub fn tags(dataset: &Published<'_>) -> Vec<String> {
    // Commas separate tags in some clients.
    dataset.contract.publication.as_ref().map_or(Vec::new(), |p| p.keywords.iter().map(|k| k.it.replace(',', " ")).collect())
}

impl Site<'_> {
    pub(super) fn package(&self, dataset: &Published<'_>) -> Value {
        let contract = dataset.contract;
        let licence = contract.publication.as_ref().map_or("CC-BY-4.0", |p| &p.licence);
        let frequency = match contract.feed.frequency {
            Frequency::Once => "IRREG",
            Frequency::Monthly => "MONTHLY",
            Frequency::Quarterly => "QUARTERLY",
            Frequency::Yearly => "ANNUAL",
        };
        let tags: Vec<Value> = tags(dataset)
            .iter()
            .map(|tag| json!({ "id": id(&format!("tag:{tag}")), "name": tag, "display_name": tag, "state": "active", "vocabulary_id": null }))
            .collect();
        let resources: Vec<Value> = dataset.files.iter().enumerate().map(|(place, file)| self.resource(dataset, file, place)).collect();
        let modified = format!("{}T00:00:00", dataset.issued);
        let created = dataset.first.map_or(modified.clone(), |day| format!("{day}T00:00:00"));
        let extras = [
            ("identifier", dataset.identifier()),
            ("theme", json!([format!("http://publications.europa.eu/resource/authority/data-theme/{}", theme(dataset))]).to_string()),
            ("holder_name", PUBLISHER.into()),
            ("holder_identifier", PUBLISHER_CODE.into()),
            ("publisher_name", PUBLISHER.into()),
            ("publisher_identifier", PUBLISHER_CODE.into()),
            ("frequency", frequency.into()),
            ("modified", dataset.issued.to_string()),
            ("language", "ITA,ENG".into()),
            ("title_en", contract.title.en.clone()),
            ("notes_en", contract.description.en.clone()),
        ];
        json!({
            "id": id(&contract.name.to_string()),
            "name": name(dataset),
            "title": contract.title.it,
            "notes": contract.description.it,
            "author": PUBLISHER,
            "author_email": self.portal.contact,
            "maintainer": PUBLISHER,
            "maintainer_email": self.portal.contact,
            "license_id": licence,
            "license_title": licence_title(licence),
            "license_url": licence_url(licence),
            "isopen": true,
            "private": false,
            "state": "active",
            "type": "dataset",
            "url": format!("{}{}", self.portal.base, dataset.path()),
            "version": dataset.release,
            "metadata_created": created,
            "metadata_modified": modified,
            "owner_org": id("organization"),
            "organization": self.organization(),
            "groups": [group(theme(dataset))],
            "num_tags": tags.len(),
            "tags": tags,
            "num_resources": resources.len(),
            "resources": resources,
            "extras": extras.map(|(key, value)| json!({ "key": key, "value": value })),
            "identifier": dataset.identifier(),
            "holder_name": PUBLISHER,
            "holder_identifier": PUBLISHER_CODE,
            "frequency": frequency,
            "modified": dataset.issued.to_string(),
            "relationships_as_object": [],
            "relationships_as_subject": [],
        })
    }

    fn resource(&self, dataset: &Published<'_>, file: &File, place: usize) -> Value {
        json!({
            "id": resource_id(file),
            "package_id": id(&dataset.contract.name.to_string()),
            "name": file.name,
            "description": words(file).it,
            "format": file.format.to_uppercase(),
            "mimetype": file.media_type.split(';').next(),
            "url": format!("{}{}", self.portal.base, file.path),
            "url_type": "datastore",
            "size": file.bytes,
            "hash": file.sha256,
            "hash_algorithm": file.sha256.as_ref().map(|_| "http://spdx.org/rdf/terms#checksumAlgorithm_sha256"),
            "position": place,
            "state": "active",
            "last_modified": format!("{}T00:00:00", dataset.issued),
            "datastore_active": true,
            "license_type": licence_url(dataset.contract.publication.as_ref().map_or("CC-BY-4.0", |p| &p.licence)),
        })
    }

    fn organization(&self) -> Value {
        json!({
            "id": id("organization"), "name": PUBLISHER_CODE, "title": PUBLISHER, "display_name": PUBLISHER, "type": "organization", "is_organization": true,
            "state": "active", "approval_status": "approved", "description": "Regione Lazio, sistema informativo dei servizi sociali", "image_url": "",
            "package_count": self.datasets.len(),
        })
    }

    pub(super) fn package_list(&self, with: &Parameters) -> Outcome {
        let (limit, offset) = (number(with, "limit", usize::MAX)?, number(with, "offset", 0)?);
        Ok(self.datasets.iter().skip(offset).take(limit).map(|d| Value::from(name(d))).collect())
    }

    pub(super) fn package_list_whole(&self, with: &Parameters) -> Outcome {
        let (limit, offset) = (number(with, "limit", usize::MAX)?, number(with, "offset", 0)?);
        Ok(self.datasets.iter().skip(offset).take(limit).map(|d| self.package(d)).collect())
    }

    pub(super) fn package_show(&self, with: &Parameters) -> Outcome {
        let wanted = required(with, "id")?;
        let found = self.datasets.iter().find(|d| name(d) == wanted || id(&d.contract.name.to_string()) == wanted);
        found.map(|d| self.package(d)).ok_or_else(|| Failure::NotFound("Not found".into()))
    }

    pub(super) fn resource_show(&self, with: &Parameters) -> Outcome {
        let (dataset, file, place) = self.find(required(with, "id")?)?;
        Ok(self.resource(dataset, file, place))
    }

    /// The dataset and file of a resource's id.
    pub(super) fn find(&self, wanted: &str) -> Result<(&Published<'_>, &File, usize), Failure> {
        for dataset in &self.datasets {
            if let Some((place, file)) = dataset.files.iter().enumerate().find(|(_, file)| resource_id(file) == wanted) {
                return Ok((dataset, file, place));
            }
        }
        Err(Failure::NotFound("Resource was not found.".into()))
    }

    pub(super) fn organization_list(&self, with: &Parameters) -> Value {
        if flag(with, "all_fields", false) { json!([self.organization()]) } else { json!([PUBLISHER_CODE]) }
    }

    pub(super) fn organization_show(&self, with: &Parameters) -> Outcome {
        let wanted = required(with, "id")?;
        if wanted != PUBLISHER_CODE && wanted != id("organization") {
            return Err(Failure::NotFound("Not found".into()));
        }
        let mut shown = self.organization();
        if flag(with, "include_datasets", false) {
            shown["packages"] = self.datasets.iter().map(|d| self.package(d)).collect();
        }
        Ok(shown)
    }

    fn themes(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for dataset in &self.datasets {
            *counts.entry(theme(dataset)).or_insert(0) += 1;
        }
        counts
    }

    pub(super) fn group_list(&self, with: &Parameters) -> Value {
        let all = flag(with, "all_fields", false);
        let shown = |(code, count): (&str, usize)| {
            let mut one = group(code);
            one["package_count"] = count.into();
            if all { one } else { one["name"].clone() }
        };
        self.themes().into_iter().map(shown).collect()
    }

    pub(super) fn group_show(&self, with: &Parameters) -> Outcome {
        let wanted = required(with, "id")?;
        let found = self.themes().into_iter().find(|(code, _)| code.to_lowercase() == wanted || group(code)["id"] == wanted);
        let (code, count) = found.ok_or_else(|| Failure::NotFound("Not found".into()))?;
        let mut shown = group(code);
        shown["package_count"] = count.into();
        Ok(shown)
    }

    pub(super) fn tag_list(&self, with: &Parameters) -> Value {
        let query = super::text(with, "query").unwrap_or_default().to_lowercase();
        let mut all: Vec<String> = self.datasets.iter().flat_map(tags).filter(|tag| tag.to_lowercase().contains(&query)).collect();
        all.sort();
        all.dedup();
        all.into()
    }

    pub(super) fn license_list(&self) -> Value {
        let licence = |code: &str| {
            json!({
                "id": code, "title": licence_title(code), "url": licence_url(code), "status": "active", "family": "", "maintainer": "",
                "od_conformance": "approved", "osd_conformance": "not reviewed", "domain_content": true, "domain_data": true, "domain_software": false,
                "is_generic": false, "is_okd_compliant": true, "is_osi_compliant": false,
            })
        };
        ["CC-BY-4.0", "CC0-1.0"].map(licence).to_vec().into()
    }
}

fn group(code: &str) -> Value {
    let title = theme_title(code).it;
    json!({ "id": id(&format!("group:{code}")), "name": code.to_lowercase(), "title": title, "display_name": title, "description": "", "image_display_url": "" })
}

pub fn licence_title(code: &str) -> &str {
    match code {
        "CC-BY-4.0" => "Creative Commons Attribuzione 4.0 Internazionale (CC BY 4.0)",
        "CC0-1.0" => "Creative Commons CC0 1.0 Universale",
        other => other,
    }
}

fn licence_url(code: &str) -> String {
    match code {
        "CC-BY-4.0" => "https://creativecommons.org/licenses/by/4.0/".into(),
        "CC0-1.0" => "https://creativecommons.org/publicdomain/zero/1.0/".into(),
        other => format!("https://spdx.org/licenses/{other}"),
    }
}
