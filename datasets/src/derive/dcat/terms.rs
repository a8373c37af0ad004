//! The controlled vocabularies that the catalogue names by address, and the statements about their entries that a validator needs
//! when it does not load the vocabularies themselves.

use crate::model::{Frequency, Text};

use super::rdf::Rdf;

pub const THEMES: &str = "http://publications.europa.eu/resource/authority/data-theme";
const FREQUENCIES: &str = "http://publications.europa.eu/resource/authority/frequency";
const FILE_TYPES: &str = "http://publications.europa.eu/resource/authority/file-type";
const LANGUAGES: &str = "http://publications.europa.eu/resource/authority/language";
const ACCESS: &str = "http://publications.europa.eu/resource/authority/access-right";
const AVAILABILITY: &str = "http://publications.europa.eu/resource/authority/planned-availability";
const LICENCE_TYPES: &str = "http://purl.org/adms/licencetype/1.0";
const PUBLISHER_TYPES: &str = "http://purl.org/adms/publishertype/1.0";
const HVD_CATEGORIES: &str = "http://data.europa.eu/bna/asd487ae75";
/// Regulation (EU) 2023/138, high-value datasets.
pub const HVD_ACT: &str = "http://data.europa.eu/eli/reg_impl/2023/138/oj";
/// Lazio in GeoNames.
pub const LAZIO: &str = "https://sws.geonames.org/3174976/";
/// The version of the checksum's address that both releases of the shapes take.
pub const SHA256: &str = "https://spdx.org/rdf/terms#checksumAlgorithm_sha256";

/// An entry of a vocabulary: the class that a property's range asks for, its scheme and label.
fn entry(rdf: &mut Rdf, scheme: &str, address: String, class: &str, label: &Text) -> String {
    rdf.about(&address).a(&[class, "skos:Concept"]).to("skos:inScheme", scheme).text("skos:prefLabel", label);
    address
}

fn named(rdf: &mut Rdf, scheme: &str, code: &str, class: &str, it: &str, en: &str) -> String {
    entry(rdf, scheme, format!("{scheme}/{code}"), class, &Text::new(it, en))
}

/// Titles of the themes that contracts may name, by their code.
pub fn theme_title(code: &str) -> Text {
    let (it, en) = match code {
        "AGRI" => ("Agricoltura, pesca, silvicoltura e prodotti alimentari", "Agriculture, fisheries, forestry and food"),
        "ECON" => ("Economia e finanze", "Economy and finance"),
        "EDUC" => ("Istruzione, cultura e sport", "Education, culture and sport"),
        "ENER" => ("Energia", "Energy"),
        "ENVI" => ("Ambiente", "Environment"),
        "GOVE" => ("Governo e settore pubblico", "Government and public sector"),
        "HEAL" => ("Salute", "Health"),
        "INTR" => ("Tematiche internazionali", "International issues"),
        "JUST" => ("Giustizia, sistema giuridico e sicurezza pubblica", "Justice, legal system and public safety"),
        "REGI" => ("Regioni e città", "Regions and cities"),
        "TECH" => ("Scienza e tecnologia", "Science and technology"),
        "TRAN" => ("Trasporti", "Transport"),
        _ => ("Popolazione e società", "Population and society"),
    };
    Text::new(it, en)
}

pub fn theme(rdf: &mut Rdf, code: &str) -> String {
    entry(rdf, THEMES, format!("{THEMES}/{code}"), "skos:Concept", &theme_title(code))
}

/// The sub-theme (EuroVoc) that the national mapping of themes gives, for the themes of this service.
pub fn subtheme(rdf: &mut Rdf, code: &str) -> Option<String> {
    let (number, it, en) = match code {
        "SOCI" => ("100211", "2821 quadro sociale", "2821 social framework"),
        "EDUC" => ("100217", "3206 istruzione", "3206 education"),
        "GOVE" => ("100169", "0436 potere esecutivo e amministrazione pubblica", "0436 executive power and public service"),
        "ECON" => ("100204", "2436 finanze pubbliche e politica di bilancio", "2436 public finance and budget policy"),
        "REGI" => ("100278", "7211 regioni degli Stati membri dell'Unione europea", "7211 regions of EU Member States"),
        _ => return None,
    };
    Some(entry(rdf, "http://eurovoc.europa.eu/100141", format!("http://eurovoc.europa.eu/{number}"), "skos:Concept", &Text::new(it, en)))
}

/// What is delivered once is renewed when it changes.
pub fn frequency(rdf: &mut Rdf, frequency: Frequency) -> String {
    let (code, it, en) = match frequency {
        Frequency::Once => ("IRREG", "irregolare", "irregular"),
        Frequency::Monthly => ("MONTHLY", "mensile", "monthly"),
        Frequency::Quarterly => ("QUARTERLY", "trimestrale", "quarterly"),
        Frequency::Yearly => ("ANNUAL", "annuale", "annual"),
    };
    named(rdf, FREQUENCIES, code, "dct:Frequency", it, en)
}

/// The type of a file by its format; of a bundle, that of the files inside. Lines of JSON have no entry of their own.
pub fn file_type(rdf: &mut Rdf, format: &str) -> String {
    let code = match format {
        "json" | "ndjson" => "JSON",
        "parquet" => "PARQUET",
        "xlsx" => "XLSX",
        "geojson" => "GEOJSON",
        _ => "CSV",
    };
    named(rdf, FILE_TYPES, code, "dct:MediaTypeOrExtent", code, code)
}

/// The address of a media type, for those that IANA knows.
pub fn media_type(rdf: &mut Rdf, media: &str) -> Option<String> {
    let plain = media.split(';').next().unwrap_or_default().trim();
    let known = ["text/csv", "application/json", "application/geo+json", "application/zip", "application/vnd.apache.parquet"];
    let registered = known.contains(&plain) || plain.starts_with("application/vnd.openxmlformats-officedocument");
    registered.then(|| {
        let address = format!("http://www.iana.org/assignments/media-types/{plain}");
        rdf.about(&address).a(&["dct:MediaType"]);
        address
    })
}

pub fn languages(rdf: &mut Rdf) -> [String; 2] {
    [("ITA", "italiano", "Italian"), ("ENG", "inglese", "English")].map(|(code, it, en)| named(rdf, LANGUAGES, code, "dct:LinguisticSystem", it, en))
}

pub fn public_access(rdf: &mut Rdf) -> String {
    named(rdf, ACCESS, "PUBLIC", "dct:RightsStatement", "pubblico", "public")
}

pub fn stable(rdf: &mut Rdf) -> String {
    named(rdf, AVAILABILITY, "STABLE", "skos:Concept", "stabile", "stable")
}

pub fn theme_taxonomy(rdf: &mut Rdf) -> &'static str {
    rdf.about(THEMES).a(&["skos:ConceptScheme"]).text("dct:title", &Text::new("Vocabolario dei temi dei dati", "Data theme vocabulary"));
    THEMES
}

pub fn lazio(rdf: &mut Rdf) -> &'static str {
    // The scheme under which the European shapes look for places of GeoNames.
    rdf.about(LAZIO)
        .a(&["dct:Location", "dcatapit:Location"])
        .to("skos:inScheme", "http://sws.geonames.org")
        .text("skos:prefLabel", &Text::new("Lazio", "Lazio"));
    LAZIO
}

pub fn regional_authority(rdf: &mut Rdf) -> String {
    rdf.about(PUBLISHER_TYPES).a(&["skos:ConceptScheme"]).text("dct:title", &Text::new("Tipi di titolare", "Publisher types"));
    let address = "http://purl.org/adms/publishertype/RegionalAuthority".to_owned();
    entry(rdf, PUBLISHER_TYPES, address, "skos:Concept", &Text::new("autorità regionale", "regional authority"))
}

/// The licence of an SPDX identifier. One that is not known here is named by SPDX's own page of it.
pub fn licence(rdf: &mut Rdf, spdx: &str) -> String {
    let (address, kind, title, version, same) = match spdx {
        "CC-BY-4.0" => (
            "https://creativecommons.org/licenses/by/4.0/".to_owned(),
            ("Attribution", "attribuzione", "attribution"),
            Text::new("Creative Commons Attribuzione 4.0 Internazionale (CC BY 4.0)", "Creative Commons Attribution 4.0 International (CC BY 4.0)"),
            "4.0",
            vec!["https://w3id.org/italia/controlled-vocabulary/licences/A21_CCBY40", "http://publications.europa.eu/resource/authority/licence/CC_BY_4_0"],
        ),
        "CC0-1.0" => (
            "https://creativecommons.org/publicdomain/zero/1.0/".to_owned(),
            ("PublicDomain", "pubblico dominio", "public domain"),
            Text::new("Creative Commons CC0 1.0 Universale", "Creative Commons CC0 1.0 Universal"),
            "1.0",
            vec!["https://w3id.org/italia/controlled-vocabulary/licences/A11_CCO10", "http://publications.europa.eu/resource/authority/licence/CC0"],
        ),
        other => (
            format!("https://spdx.org/licenses/{other}"),
            ("OtherRestrictiveClauses", "altre clausole", "other restrictive clauses"),
            Text::new(other, other),
            "",
            Vec::new(),
        ),
    };
    let of_type = entry(rdf, LICENCE_TYPES, format!("http://purl.org/adms/licencetype/{}", kind.0), "skos:Concept", &Text::new(kind.1, kind.2));
    let mut about = rdf.about(&address).a(&["dct:LicenseDocument", "dcatapit:LicenseDocument"]).to("dct:type", &of_type).text("foaf:name", &title);
    if !version.is_empty() {
        about = about.plain("owl:versionInfo", version);
    }
    for other in same {
        about = about.to("skos:exactMatch", other);
    }
    address
}

/// A category of high-value datasets by its code, such as `statistics`.
pub fn hvd_category(rdf: &mut Rdf, code: &str) -> Option<String> {
    let (id, it, en) = match code {
        "geospatial" => ("c_ac64a52d", "Dati geospaziali", "Geospatial"),
        "statistics" => ("c_e1da4e07", "Dati statistici", "Statistics"),
        _ => return None,
    };
    Some(entry(rdf, HVD_CATEGORIES, format!("http://data.europa.eu/bna/{id}"), "skos:Concept", &Text::new(it, en)))
}
