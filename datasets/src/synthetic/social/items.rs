//! What is done for persons: the items of the Nomenclatore that the region delivers, what they cost, how long they last, who pays.

use rand::Rng;
use rand::rngs::StdRng;

use crate::synthetic::random::weighted;

/// An item: its provisional label, the benefit of SIUSS it is sent as, and how it is delivered.
#[derive(Debug)]
pub struct Item {
    pub label: &'static str,
    pub benefit: Option<&'static str>,
    pub macro_activity: &'static str,
    pub unit: &'static str,
    pub rhythm: Rhythm,
    /// Units in a month.
    pub units: (i64, i64),
    /// Cents for a unit.
    pub price: (i64, i64),
    /// Months it lasts.
    pub months: (u32, u32),
    pub funds: &'static [&'static str],
    /// Percent that users and the health service pay at most.
    pub shares: (i64, i64),
    /// Facilities where persons stay.
    pub facility: Option<&'static str>,
}

/// How often something is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rhythm {
    /// Accounted for so many times a month.
    Monthly(u32),
    /// Now and then.
    Sometimes,
    Once,
}

use Rhythm::{Monthly, Once, Sometimes};

const LOCAL: &[&str] = &["COMUNALE", "COMUNALE", "FNPS", "REGIONALE", "FSC"];
const CARE: &[&str] = &["FNA", "FNA", "REGIONALE"];
const POOR: &[&str] = &["POVERTA", "POVERTA", "COMUNALE"];

// A table is easier to read by rows; each argument is a column of it.
#[allow(clippy::too_many_arguments)]
const fn item(
    label: &'static str,
    benefit: Option<&'static str>,
    macro_activity: &'static str,
    unit: &'static str,
    rhythm: Rhythm,
    [units, price]: [(i64, i64); 2],
    months: (u32, u32),
    funds: &'static [&'static str],
    shares: (i64, i64),
    facility: Option<&'static str>,
) -> Item {
    Item { label, benefit, macro_activity, unit, rhythm, units, price, months, funds, shares, facility }
}

pub static ITEMS: [Item; 24] = [
    item("prov-assistenza_domiciliare", Some("A2.07"), "C", "ore", Monthly(4), [(8, 40), (2_050, 2_450)], (8, 60), LOCAL, (15, 0), None),
    item("prov-assistenza_integrata", Some("A2.08"), "C", "ore", Monthly(4), [(8, 30), (2_300, 2_600)], (6, 40), CARE, (10, 50), None),
    item("prov-assegno_cura", Some("A1.11"), "C", "mesi", Monthly(1), [(1, 1), (40_000, 120_000)], (12, 60), CARE, (0, 0), None),
    item("prov-centro_diurno", Some("A3.01"), "D", "giorni", Monthly(1), [(8, 21), (3_800, 5_200)], (12, 60), LOCAL, (20, 40), Some("centro_diurno")),
    item("prov-retta_residenziale", Some("A1.14"), "E", "mesi", Monthly(1), [(1, 1), (60_000, 190_000)], (6, 60), LOCAL, (30, 20), Some("residenziale")),
    item("prov-residenze_minori", Some("A3.02"), "E", "giorni", Monthly(1), [(28, 30), (8_500, 11_000)], (6, 30), LOCAL, (0, 10), Some("minori")),
    item("prov-affido", None, "B", "mesi", Monthly(1), [(1, 1), (38_000, 52_000)], (12, 48), LOCAL, (0, 0), None),
    item("prov-educativa_domiciliare", Some("A2.02"), "C", "ore", Monthly(4), [(8, 24), (2_200, 2_500)], (9, 30), LOCAL, (5, 0), None),
    item("prov-educativa_scolastica", Some("A2.11"), "C", "ore", Monthly(4), [(20, 48), (2_050, 2_350)], (10, 48), LOCAL, (0, 0), None),
    item("prov-pippi", None, "B", "mesi", Monthly(1), [(1, 1), (25_000, 45_000)], (18, 24), &["FNPS", "PNRR"], (0, 0), None),
    item("prov-contributo_reddito", Some("A1.04"), "B", "importo", Sometimes, [(1, 1), (20_000, 90_000)], (3, 18), POOR, (0, 0), None),
    item("prov-contributo_alloggio", Some("A1.05"), "B", "importo", Once, [(1, 1), (50_000, 250_000)], (1, 2), &["REGIONALE", "COMUNALE"], (0, 0), None),
    item("prov-buoni_spesa", Some("A1.06"), "B", "importo", Sometimes, [(1, 1), (10_000, 40_000)], (2, 9), POOR, (0, 0), None),
    item("prov-patto_inclusione", None, "B", "mesi", Monthly(1), [(1, 1), (3_000, 9_000)], (8, 18), &["POVERTA"], (0, 0), None),
    item("prov-inserimento_lavorativo", Some("A2.09"), "B", "mesi", Monthly(1), [(1, 1), (40_000, 65_000)], (6, 12), &["POVERTA", "REGIONALE"], (0, 0), None),
    item("prov-reperimento_alloggi", Some("A2.16"), "B", "importo", Once, [(1, 1), (30_000, 120_000)], (1, 2), &["COMUNALE", "PNRR"], (0, 0), None),
    item("prov-residenza_fittizia", None, "B", "mesi", Monthly(1), [(1, 1), (500, 1_500)], (12, 48), &["POVERTA"], (0, 0), None),
    item("prov-trasporto_sociale", Some("A1.16"), "B", "viaggi", Monthly(4), [(8, 36), (600, 1_400)], (9, 48), LOCAL, (10, 0), None),
    item("prov-mensa_sociale", Some("A2.01"), "D", "pasti", Monthly(4), [(20, 60), (450, 700)], (3, 24), POOR, (0, 0), None),
    item("prov-dimissioni_protette", None, "C", "ore", Monthly(2), [(12, 40), (2_200, 2_600)], (1, 3), &["FNA", "PNRR"], (0, 30), None),
    item("prov-dopo_di_noi", None, "E", "mesi", Monthly(1), [(1, 1), (70_000, 140_000)], (12, 48), &["DOPO_DI_NOI"], (0, 0), None),
    item("prov-vita_indipendente", None, "C", "mesi", Monthly(1), [(1, 1), (60_000, 110_000)], (12, 48), &["FNA", "DOPO_DI_NOI", "PNRR"], (0, 0), None),
    item("prov-antiviolenza", None, "B", "mesi", Monthly(1), [(1, 1), (30_000, 60_000)], (4, 14), &["REGIONALE", "FNPS"], (0, 0), None),
    item("prov-case_rifugio", Some("A3.02"), "E", "giorni", Monthly(1), [(26, 30), (6_500, 9_000)], (3, 10), &["REGIONALE"], (0, 0), None),
];

/// An item that suits a user group and age.
pub fn suited(rng: &mut StdRng, utenza: &str, minor: bool, year: i32) -> &'static Item {
    let at = weighted(
        rng,
        match utenza {
            "famiglia_minori" if minor => &[(7, 30), (8, 30), (6, 5), (5, 6), (9, 6), (10, 8), (17, 5)][..],
            "famiglia_minori" => &[(10, 30), (11, 14), (12, 14), (9, 6), (7, 20)],
            "anziani_autosufficienti" => &[(0, 34), (17, 24), (10, 14), (18, 8), (3, 8)],
            "anziani_non_autosufficienti" => &[(0, 44), (1, 18), (2, 14), (4, 14), (19, 8), (3, 6)],
            "disabili" if minor => &[(8, 60), (7, 14), (2, 10), (17, 14)],
            "disabili" => &[(0, 26), (1, 8), (2, 14), (3, 22), (4, 6), (17, 14), (20, 6), (21, 8)],
            "poverta" => &[(10, 24), (11, 12), (12, 20), (13, 18), (14, 10), (16, 4), (18, 10), (15, 5)],
            "disagio_adulti" => &[(14, 20), (10, 20), (16, 14), (18, 20), (15, 10), (4, 8)],
            "donne_vittime_violenza" => &[(22, 44), (23, 22), (10, 18), (14, 12)],
            _ => &[(10, 22), (12, 18), (15, 12), (16, 14), (18, 22), (14, 10)],
        },
    );
    let item = &ITEMS[at];
    // Inclusion pacts came with the law of 2018.
    if item.label == "prov-patto_inclusione" && year < 2018 { &ITEMS[10] } else { item }
}

/// A fund that pays for an item in a year: some did not exist yet.
pub fn fund(rng: &mut StdRng, item: &Item, year: i32) -> &'static str {
    let there = |fund: &&&str| match **fund {
        "PNRR" => (2022..=2026).contains(&year),
        "FSC" => year >= 2021,
        "POVERTA" => year >= 2018,
        "DOPO_DI_NOI" => year >= 2016,
        _ => true,
    };
    let funds: Vec<&&str> = item.funds.iter().filter(there).collect();
    if funds.is_empty() { "COMUNALE" } else { funds[rng.random_range(0..funds.len())] }
}
