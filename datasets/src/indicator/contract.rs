//! The contract of an indicator's dataset: what it is made of is the same for all, so nobody writes it twice.

use std::collections::BTreeMap;

use crate::indicator::{AREA, Indicator, Kind, SCALE};
use crate::model::{Access, Class, Column, Contract, Derived, Feed, Frequency, Mode, Publication, Role, Sender, Text, Type};

/// Columns of every indicator, in their order; parts and [`DISTRIBUTION`] stand before `completezza`.
pub const COLUMNS: [&str; 16] = [
    "livello",
    "codice",
    "ambito",
    "anno",
    "riferimento",
    "numeratore",
    "denominatore",
    "valore",
    "unita",
    "bersaglio",
    "stato",
    "contributo",
    "anno_popolazione",
    "completezza",
    "provvisorio",
    "formula",
];
/// Values with their counts, as JSON: what a median is found from, and what adds up.
pub const DISTRIBUTION: &str = "distribuzione";
/// Versions of the inputs the value was computed from, as JSON. A newer one alone does not make a new value.
pub const INPUTS: &str = "ingressi";

/// What any number of the indicator is stored as.
pub const NUMBER: Type = Type::Decimal(22, SCALE);

/// The contract that follows from an indicator. `roles` are those that exist.
pub fn contract(indicator: &Indicator, roles: &BTreeMap<String, Role>) -> Contract {
    let class = if indicator.persons { Class::Internal } else { Class::Public };
    Contract {
        name: indicator.name.clone(),
        version: indicator.version.clone(),
        title: Text::new(format!("{} {}", indicator.id, indicator.title.it), format!("{} {}", indicator.id, indicator.title.en)),
        description: indicator.description.clone(),
        legal_basis: indicator.legal_basis.clone(),
        mode: Mode::Versions,
        key: ["livello", "codice", "anno"].map(str::to_owned).into(),
        sort: ["livello", "codice", "anno"].map(str::to_owned).into(),
        provisional: indicator.provisional.clone(),
        feed: Feed { subsystem: AREA.to_uppercase(), senders: Sender::Regione, frequency: Frequency::Monthly, due_days: 0, since: None, sender_column: None },
        derived: Some(Derived { from: indicator.inputs.clone(), by: None, forecast: false, sql: String::new() }),
        access: access(indicator, roles),
        publication: Some(Publication {
            open: !indicator.persons,
            licence: "CC-BY-4.0".into(),
            theme: "SOCI".into(),
            keywords: vec![Text::new("livelli essenziali delle prestazioni sociali", "essential levels of social services")],
            changes: Vec::new(),
            high_value: None,
        }),
        columns: columns(indicator, class),
        rules: Vec::new(),
        set_rules: Vec::new(),
        form: None,
    }
}

/// Figures about services are everybody's. Those that count persons are small in small places: whoever plans sees all of them, a
/// district and a municipality their own and the region's, the ministry those of districts, by which it follows the levels (D.Lgs.
/// 147/2017, art. 23).
fn access(indicator: &Indicator, roles: &BTreeMap<String, Role>) -> Vec<Access> {
    let some = |names: &[&str], rows: &str, class: Class| {
        let roles: Vec<String> = roles.keys().filter(|role| names.is_empty() || names.contains(&role.as_str())).cloned().collect();
        Access { roles, rows: rows.to_owned(), classes: vec![class], mask: BTreeMap::new() }
    };
    if !indicator.persons {
        return vec![some(&[], "true", Class::Public)];
    }
    let own = "livello = 'regione' OR (livello = 'ambito' AND codice = $ambito) OR (livello = 'comune' AND codice = $codice_istat)";
    let all = [
        some(&["pianificatore", "steward", "amministratore"], "true", Class::Internal),
        some(&["distretto"], "livello = 'regione' OR ambito = $ambito", Class::Internal),
        some(&["comune"], own, Class::Internal),
        some(&["ministero"], "livello IN ('regione', 'ambito')", Class::Internal),
    ];
    all.into_iter().filter(|access| !access.roles.is_empty()).collect()
}

fn columns(indicator: &Indicator, class: Class) -> Vec<Column> {
    let column = |name: &str, kind: Type, required: bool, it: (&str, &str), en: (&str, &str)| Column {
        name: name.to_owned(),
        r#type: kind,
        title: Text::new(it.0, en.0),
        description: Text::new(it.1, en.1),
        class,
        required,
        pattern: None,
        min: None,
        max: None,
        max_length: None,
        code_list: None,
        references: None,
        lookup: None,
        identity: None,
        unit: None,
        example: None,
        before: None,
        aliases: Vec::new(),
    };
    let listed = |list: &str, column: Column| Column { code_list: Some(list.to_owned()), ..column };
    let median = indicator.kind == Kind::Median;
    let mut all = vec![
        listed(
            "livelli_territoriali",
            column("livello", Type::Text, true, ("Livello", "Livello territoriale della riga."), ("Level", "Territorial level of the row.")),
        ),
        column(
            "codice",
            Type::Text,
            true,
            ("Codice", "Codice ISTAT del comune, codice del distretto, nome della ASL, sigla della provincia, o lazio."),
            ("Code", "ISTAT code of the municipality, code of the district, name of the health authority, province, or lazio."),
        ),
        column(
            "ambito",
            Type::Text,
            false,
            ("Distretto sociosanitario", "Distretto del comune o il distretto stesso; vuoto ai livelli superiori."),
            ("Social district", "District of the municipality or the district itself; empty at the levels above."),
        ),
        column("anno", Type::Integer, true, ("Anno", "Anno cui il valore si riferisce."), ("Year", "Year the value is of.")),
        column(
            "riferimento",
            Type::Date,
            true,
            ("Data di riferimento", "Ultimo giorno considerato: il 31 dicembre o, per l'anno in corso, la fine dell'ultimo mese chiuso."),
            ("Reference day", "Last day that counts: 31 December or, in the current year, the end of the last closed month."),
        ),
        column(
            "numeratore",
            NUMBER,
            false,
            ("Numeratore", "Somma dei numeratori delle righe di base; vuoto per una mediana."),
            ("Numerator", "Sum of the numerators of the base rows; empty for a median."),
        ),
        column(
            "denominatore",
            NUMBER,
            false,
            ("Denominatore", if median { "Quanti valori ci sono." } else { "Somma dei denominatori delle righe di base; vuoto per un conteggio." }),
            ("Denominator", if median { "How many values there are." } else { "Sum of the denominators of the base rows; empty for a count." }),
        ),
        column(
            "valore",
            NUMBER,
            false,
            ("Valore", "Il valore dell'indicatore; vuoto se i dati non bastano."),
            ("Value", "The indicator's value; empty where data are too few."),
        ),
        column("unita", Type::Text, true, ("Unità di misura", "In che cosa il valore è misurato."), ("Unit", "What the value is measured in.")),
        column(
            "bersaglio",
            NUMBER,
            false,
            ("Obiettivo", "Quanto è da raggiungere nell'anno; vuoto se nessuna norma lo dice."),
            ("Target", "What is to be reached in the year; empty where no law says."),
        ),
        listed("stati_leps", column("stato", Type::Text, true, ("Stato", "Il valore rispetto all'obiettivo."), ("State", "The value against the target."))),
    ];
    if indicator.contribution.is_some() {
        all.push(Column {
            unit: Some("euro".into()),
            ..column(
                "contributo",
                Type::Decimal(16, 2),
                false,
                ("Contributo", "Contributo statale che spetta ai distretti (L. 178/2020 art. 1 c. 797), al centesimo; vuoto per un comune."),
                ("Contribution", "State contribution due to the districts (Law 178/2020 art. 1 c. 797), to the cent; empty for a municipality."),
            )
        });
    }
    for part in &indicator.parts {
        all.push(Column { title: part.title.clone(), description: part.description.clone(), ..column(&part.name, NUMBER, false, ("", ""), ("", "")) });
    }
    if median {
        all.push(column(
            DISTRIBUTION,
            Type::Text,
            false,
            ("Distribuzione", "I valori e quante volte ricorrono, in JSON: con questi si calcola la mediana a ogni livello."),
            ("Distribution", "The values and how often they occur, as JSON: the median of each level is found from them."),
        ));
    }
    if indicator.reads_residents() {
        all.push(column(
            "anno_popolazione",
            Type::Integer,
            false,
            ("Anno della popolazione", "Anno (1° gennaio) dei residenti usati: l'ultimo noto che non segue l'anno, altrimenti il primo noto."),
            ("Year of the population", "Year (1 January) of the residents used: the last known that is not later, else the first known."),
        ));
    }
    all.extend([
        Column {
            unit: Some("%".into()),
            ..column(
                "completezza",
                Type::Decimal(5, 2),
                true,
                ("Completezza", indicator.completeness.it.as_str()),
                ("Completeness", indicator.completeness.en.as_str()),
            )
        },
        column(
            "provvisorio",
            Type::Boolean,
            true,
            ("Provvisorio", "Vero se la definizione o l'obiettivo non sono confermati da una fonte ufficiale, o se l'anno è in corso."),
            ("Provisional", "True if no official source confirms definition or target, or if the year is under way."),
        ),
        column(
            "formula",
            Type::Text,
            true,
            ("Formula", "Versione della formula con cui è calcolato."),
            ("Formula", "Version of the formula it was computed by."),
        ),
        column(
            INPUTS,
            Type::Text,
            true,
            ("Ingressi", "Versioni dei dataset da cui il valore è nato, in JSON."),
            ("Inputs", "Versions of the datasets the value came from, as JSON."),
        ),
    ]);
    all
}
