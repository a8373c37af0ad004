//! The catalogue of published datasets: DCAT-AP_IT and DCAT-AP 3, with the properties of high-value datasets where a contract says so.
//! A dataset's distributions are the files of its newest release. What the files are is told by the caller: this crate knows no storage.

pub mod rdf;
pub mod schema_org;
pub mod terms;

use chrono::NaiveDate;

use crate::model::{Contract, Text};

use self::rdf::Rdf;

/// The body that publishes: its name and code in the register of public bodies (IPA).
pub const PUBLISHER: &str = "Regione Lazio";
pub const PUBLISHER_CODE: &str = "r_lazio";

/// What a graph must satisfy. DCAT-AP 2, hence DCAT-AP_IT, wants the size of a file as `xsd:decimal` and knows no checksum but SHA-1;
/// DCAT-AP 3 wants it as `xsd:nonNegativeInteger`: no graph that has them satisfies both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// DCAT-AP_IT, DCAT-AP 2.1.1 and 3.0.1 at once: files without size and checksum.
    #[default]
    Every,
    /// DCAT-AP 3: with both.
    Three,
}

/// Who publishes, and where.
#[derive(Clone, Debug)]
pub struct Portal {
    /// Address of the service without a slash at its end: `https://…`.
    pub base: String,
    /// E-mail of the office that answers; never a person's.
    pub contact: String,
    pub profile: Profile,
}

/// A dataset with its newest release.
#[derive(Clone, Debug)]
pub struct Published<'a> {
    pub contract: &'a Contract,
    /// Name of the newest release, or version of the table.
    pub release: String,
    /// Day of the first release, if it is known, and of the newest.
    pub first: Option<NaiveDate>,
    pub issued: NaiveDate,
    /// What changed from the release before.
    pub notes: Option<Text>,
    pub files: Vec<File>,
}

/// One file to download: of a release, or the rows as they are now.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    /// Such as `csv`; `zip` is the bundle of all.
    pub format: String,
    pub media_type: String,
    /// Path that leads to the newest file of the name, now and later.
    pub latest: String,
    /// Path of the file itself; of a release what is there does not change.
    pub path: String,
    /// Of a release.
    pub bytes: Option<u64>,
    /// Hexadecimal; of a release.
    pub sha256: Option<String>,
}

impl Published<'_> {
    /// Path of the page about it.
    pub fn path(&self) -> String {
        format!("/dataset/{}/{}", self.contract.name.area, self.contract.name.name)
    }

    pub fn identifier(&self) -> String {
        format!("{PUBLISHER_CODE}:{}", self.contract.name)
    }
}

/// The catalogue with all its datasets. `today` dates a catalogue without any.
pub fn catalogue(portal: &Portal, datasets: &[Published<'_>], today: NaiveDate) -> Rdf {
    let mut rdf = Rdf::default();
    let address = format!("{}/catalog", portal.base);
    let publisher = agent(&mut rdf, portal);
    let languages = terms::languages(&mut rdf);
    let taxonomy = terms::theme_taxonomy(&mut rdf);
    let place = terms::lazio(&mut rdf);
    let licence = terms::licence(&mut rdf, "CC-BY-4.0");
    let home = format!("{}/", portal.base);
    rdf.about(&home).a(&["foaf:Document"]);
    let title = Text::new("Dati aperti dei servizi sociali del Lazio", "Open data of the social services of Lazio");
    let description = Text::new(
        "Catalogo dei dati aperti del Sistema informativo dei servizi sociali (SISS) della Regione Lazio: strutture, servizi per l'infanzia, territorio e indicatori dei livelli essenziali.",
        "Catalogue of the open data of the information system for social services (SISS) of Regione Lazio: facilities, childcare, territory and indicators of the essential levels.",
    );
    let mut about = rdf
        .about(&address)
        .a(&["dcatapit:Catalog", "dcat:Catalog"])
        .text("dct:title", &title)
        .text("dct:description", &description)
        .to("dct:publisher", &publisher)
        .day("dct:issued", datasets.iter().filter_map(|d| d.first).min().unwrap_or(today))
        .day("dct:modified", datasets.iter().map(|d| d.issued).max().unwrap_or(today))
        .to("foaf:homepage", &home)
        .to("dcat:themeTaxonomy", taxonomy)
        .to("dct:spatial", place)
        .to("dct:license", &licence);
    for language in &languages {
        about = about.to("dct:language", language);
    }
    for dataset in datasets {
        about = about.to("dcat:dataset", &subject(portal, dataset)).to("dcat:service", &service(portal, dataset));
    }
    for dataset in datasets {
        describe(&mut rdf, portal, dataset);
    }
    rdf
}

/// One dataset with its distributions.
pub fn dataset(portal: &Portal, dataset: &Published<'_>) -> Rdf {
    let mut rdf = Rdf::default();
    describe(&mut rdf, portal, dataset);
    rdf
}

/// The dataset is not the page about it, so it has an address of its own.
pub fn subject(portal: &Portal, dataset: &Published<'_>) -> String {
    format!("{}{}#dataset", portal.base, dataset.path())
}

fn service(portal: &Portal, dataset: &Published<'_>) -> String {
    format!("{}{}#api", portal.base, dataset.path())
}

fn agent(rdf: &mut Rdf, portal: &Portal) -> String {
    let address = format!("{}/catalog#{PUBLISHER_CODE}", portal.base);
    let kind = terms::regional_authority(rdf);
    rdf.about(&address)
        .a(&["dcatapit:Agent", "foaf:Agent", "foaf:Organization"])
        .plain("dct:identifier", PUBLISHER_CODE)
        .plain("foaf:name", PUBLISHER)
        .to("dct:type", &kind);
    address
}

fn contact(rdf: &mut Rdf, portal: &Portal) -> String {
    let address = format!("{}/catalog#contact", portal.base);
    let (email, page) = (format!("mailto:{}", portal.contact), format!("{}/contatti", portal.base));
    // Ranges of the shapes for high-value datasets.
    for known in [&email, &page] {
        rdf.about(known).a(&["rdfs:Resource"]);
    }
    rdf.about(&address)
        .a(&["dcatapit:Organization", "vcard:Organization", "vcard:Kind"])
        .plain("vcard:fn", "Regione Lazio, Sistema informativo dei servizi sociali")
        .to("vcard:hasEmail", &email)
        .to("vcard:hasURL", &page);
    address
}

fn describe(rdf: &mut Rdf, portal: &Portal, dataset: &Published<'_>) {
    let contract = dataset.contract;
    let (address, page) = (subject(portal, dataset), format!("{}{}", portal.base, dataset.path()));
    let publisher = agent(rdf, portal);
    let contact = contact(rdf, portal);
    let publication = contract.publication.as_ref();
    let theme = publication.map_or("SOCI", |p| p.theme.as_str());
    let (theme, subtheme) = (terms::theme(rdf, theme), terms::subtheme(rdf, theme));
    let frequency = terms::frequency(rdf, contract.feed.frequency);
    let access = terms::public_access(rdf);
    let languages = terms::languages(rdf);
    let category = publication.and_then(|p| p.high_value.as_deref()).and_then(|code| terms::hvd_category(rdf, code));
    rdf.about(&page).a(&["foaf:Document"]);
    let standard = standard(rdf, portal, dataset);
    let mut about = rdf
        .about(&address)
        .a(&["dcatapit:Dataset", "dcat:Dataset"])
        .plain("dct:identifier", &dataset.identifier())
        .text("dct:title", &contract.title)
        .text("dct:description", &contract.description)
        .day("dct:modified", dataset.issued)
        .to("dcat:theme", &theme)
        .to("dct:accrualPeriodicity", &frequency)
        .to("dct:rightsHolder", &publisher)
        .to("dct:publisher", &publisher)
        .to("dcat:contactPoint", &contact)
        .to("dct:accessRights", &access)
        .to("dcat:landingPage", &page)
        .to("dct:conformsTo", &standard)
        .plain("dcat:version", &dataset.release)
        .plain("owl:versionInfo", &dataset.release);
    if let Some(first) = dataset.first {
        about = about.day("dct:issued", first);
    }
    if let Some(subtheme) = &subtheme {
        about = about.to("dct:subject", subtheme);
    }
    for language in &languages {
        about = about.to("dct:language", language);
    }
    for keyword in publication.map_or(&[][..], |p| &p.keywords) {
        about = about.text("dcat:keyword", keyword);
    }
    if let Some(notes) = &dataset.notes {
        about = about.text("adms:versionNotes", notes);
    }
    for file in &dataset.files {
        about = about.to("dcat:distribution", &format!("{page}#{}", file.name));
    }
    // Datasets of other bodies, kept for comparison, are not about Lazio alone.
    if contract.name.area != "riferimenti" {
        let place = terms::lazio(rdf);
        rdf.about(&address).to("dct:spatial", place);
    }
    for file in &dataset.files {
        distribution(rdf, portal, dataset, file);
    }
    interface(rdf, portal, dataset);
    if let Some(category) = category {
        high_value(rdf, portal, dataset, &category);
    }
}

/// What each row satisfies: the JSON Schema of the contract.
fn standard(rdf: &mut Rdf, portal: &Portal, dataset: &Published<'_>) -> String {
    let contract = dataset.contract;
    let address = format!("{}/api/v1/datasets/{}/{}/schema.json", portal.base, contract.name.area, contract.name.name);
    let title = Text::new(format!("Contratto di {} {}", contract.name, contract.version), format!("Contract of {} {}", contract.name, contract.version));
    rdf.about(&address)
        .a(&["dct:Standard", "dcatapit:Standard"])
        .plain("dct:identifier", &format!("{}@{}", contract.name, contract.version))
        .text("dct:title", &title);
    address
}

fn distribution(rdf: &mut Rdf, portal: &Portal, dataset: &Published<'_>, file: &File) {
    let address = format!("{}{}#{}", portal.base, dataset.path(), file.name);
    let licence = terms::licence(rdf, dataset.contract.publication.as_ref().map_or("CC-BY-4.0", |p| &p.licence));
    let format = terms::file_type(rdf, &file.format);
    let media = terms::media_type(rdf, &file.media_type);
    let available = terms::stable(rdf);
    let checksum = format!("{}{}#sha256-{}", portal.base, dataset.path(), file.name);
    let exact = portal.profile == Profile::Three;
    if let Some(sha256) = file.sha256.as_ref().filter(|_| exact) {
        rdf.about(terms::SHA256).a(&["spdx:ChecksumAlgorithm"]);
        rdf.about(&checksum).a(&["spdx:Checksum"]).to("spdx:algorithm", terms::SHA256).typed("spdx:checksumValue", sha256, "xsd:hexBinary");
    }
    let title = &dataset.contract.title;
    let mut about = rdf
        .about(&address)
        .a(&["dcatapit:Distribution", "dcat:Distribution"])
        .text("dct:title", &Text::new(format!("{} ({})", title.it, file.format.to_uppercase()), format!("{} ({})", title.en, file.format.to_uppercase())))
        .text("dct:description", &words(file))
        .to("dcat:accessURL", &format!("{}{}", portal.base, file.latest))
        .to("dcat:downloadURL", &format!("{}{}", portal.base, file.path))
        .to("dcat:accessService", &service(portal, dataset))
        .to("dct:license", &licence)
        .to("dct:format", &format)
        .to("dcatap:availability", &available)
        .day("dct:modified", dataset.issued);
    if let Some(bytes) = file.bytes.filter(|_| exact) {
        about = about.typed("dcat:byteSize", &bytes.to_string(), "xsd:nonNegativeInteger");
    }
    if file.sha256.is_some() && exact {
        about = about.to("spdx:checksum", &checksum);
    }
    if let Some(media) = media {
        about.to(if file.format == "zip" { "dcat:packageFormat" } else { "dcat:mediaType" }, &media);
    }
}

/// What a file is, in words.
pub fn words(file: &File) -> Text {
    let (it, en) = match file.format.as_str() {
        "csv" if file.name.contains(".raw.") => ("CSV con le celle esattamente come sono", "CSV with the cells exactly as they are"),
        "csv" => ("CSV per fogli di calcolo: nessuna cella diventa una formula", "CSV for spreadsheets: no cell becomes a formula"),
        "json" => ("Un documento JSON", "One JSON document"),
        "ndjson" => ("Un oggetto JSON per riga", "One JSON object per line"),
        "parquet" => ("Parquet con i tipi delle colonne", "Parquet with the types of the columns"),
        "xlsx" => ("Foglio di calcolo; i codici restano testo", "Spreadsheet; codes stay text"),
        "geojson" => ("Luoghi, in WGS 84", "Places, in WGS 84"),
        "zip" => ("Tutti i file con dizionario, citazione e impronte", "All files with dictionary, citation and hashes"),
        _ => ("File della pubblicazione", "File of the release"),
    };
    Text::new(it, en)
}

/// The rows by REST, filtered and page by page.
fn interface(rdf: &mut Rdf, portal: &Portal, dataset: &Published<'_>) {
    let contract = dataset.contract;
    let address = service(portal, dataset);
    let contact = contact(rdf, portal);
    let publisher = agent(rdf, portal);
    let licence = terms::licence(rdf, contract.publication.as_ref().map_or("CC-BY-4.0", |p| &p.licence));
    let access = terms::public_access(rdf);
    let (page, description) = (format!("{}{}", portal.base, dataset.path()), format!("{}/api/openapi.json", portal.base));
    let endpoint = format!("{}/api/v1/datasets/{}/{}/rows", portal.base, contract.name.area, contract.name.name);
    let publication = contract.publication.as_ref();
    let theme = terms::theme(rdf, publication.map_or("SOCI", |p| p.theme.as_str()));
    rdf.about(&endpoint).a(&["rdfs:Resource"]);
    rdf.about(&description).a(&["rdfs:Resource"]);
    let mut about = rdf
        .about(&address)
        .a(&["dcat:DataService"])
        .text("dct:title", &Text::new(format!("API di {}", contract.title.it), format!("API of {}", contract.title.en)))
        .text(
            "dct:description",
            &Text::new("Righe filtrate, ordinate e a pagine; senza registrazione", "Rows filtered, ordered and in pages; without registration"),
        )
        .to("dcat:endpointURL", &endpoint)
        .to("dcat:endpointDescription", &description)
        .to("dcat:servesDataset", &subject(portal, dataset))
        .to("dcat:contactPoint", &contact)
        .to("dct:publisher", &publisher)
        .to("dct:license", &licence)
        .to("dct:accessRights", &access)
        .to("dcat:theme", &theme)
        .to("foaf:page", &page);
    for keyword in publication.map_or(&[][..], |p| &p.keywords) {
        about = about.text("dcat:keyword", keyword);
    }
}

/// Regulation (EU) 2023/138 asks for the act and the category on the dataset, and the act on its distributions and API.
fn high_value(rdf: &mut Rdf, portal: &Portal, dataset: &Published<'_>, category: &str) {
    rdf.about(terms::HVD_ACT).a(&["eli:LegalResource"]);
    for address in [subject(portal, dataset), service(portal, dataset)] {
        rdf.about(&address).to("dcatap:applicableLegislation", terms::HVD_ACT).to("dcatap:hvdCategory", category);
    }
    for file in &dataset.files {
        rdf.about(&format!("{}{}", portal.base, file.latest)).a(&["rdfs:Resource"]);
        rdf.about(&format!("{}{}#{}", portal.base, dataset.path(), file.name)).to("dcatap:applicableLegislation", terms::HVD_ACT);
    }
}

#[cfg(test)]
mod tests;
