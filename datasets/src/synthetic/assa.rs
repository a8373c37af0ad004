//! Facilities in proportion to the population: what each is, how large and since when; how they grew over ten years.

use chrono::{Days, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::Options;
use super::names;
use super::random::{around, between, day, pick, shifted, stream, weighted};
use super::territory::{Comune, Territory};

pub mod acts;
pub mod history;
pub mod places;
pub mod registry;

/// Facilities of a region at scale 1.
const FACILITIES: f64 = 2_500.0;
/// Month of the deliveries and its last day.
pub const PERIOD: &str = "2026-10";

pub fn today() -> NaiveDate {
    day(2026, 10, 31)
}

#[derive(Clone, Debug)]
pub struct Facility {
    pub code: String,
    pub codice_istat: String,
    pub name: String,
    pub kind: &'static Kind,
    pub utenza: &'static str,
    pub operator: String,
    /// Degrees north and east.
    pub place: (f64, f64),
    /// Authorised places now, or when it closed.
    pub places: i64,
    /// The day it grew to them, and how many it had before.
    pub grown: Option<(NaiveDate, i64)>,
    pub opened: NaiveDate,
    pub closed: Option<NaiveDate>,
    /// Day of the first accreditation.
    pub accredited: Option<NaiveDate>,
}

impl Facility {
    pub fn places_on(&self, date: NaiveDate) -> i64 {
        self.grown.filter(|(day, _)| date < *day).map_or(self.places, |(_, before)| before)
    }

    /// The last day of its history.
    pub fn end(&self) -> NaiveDate {
        self.closed.unwrap_or_else(today)
    }
}

/// A type of facility: its code, how often it occurs, the users and capacity it may have.
#[derive(Debug)]
pub struct Kind {
    pub code: &'static str,
    pub title: &'static str,
    weight: u32,
    utenze: &'static [&'static str],
    capacity: (i64, i64),
    /// Type of its places.
    pub place: &'static str,
}

const MINORS: &[&str] = &["famiglia_minori"];
const DISABLED: &[&str] = &["disabili"];
const ELDERLY: &[&str] = &["anziani_autosufficienti", "anziani_non_autosufficienti"];
const ADULTS: &[&str] = &["disagio_adulti", "poverta", "immigrati_rom_sinti"];

const fn kind(code: &'static str, title: &'static str, weight: u32, utenze: &'static [&'static str], capacity: (i64, i64), place: &'static str) -> Kind {
    Kind { code, title, weight, utenze, capacity, place }
}

/// Capacities: L.R. 41/2003 arts. 6-9 and DGR 1305/2004 where known, else common sizes.
static KINDS: [Kind; 22] = [
    kind("casa_famiglia_minori", "Casa famiglia", 9, MINORS, (3, 6), "residenziale"),
    kind("gruppo_appartamento_minori", "Gruppo appartamento", 5, MINORS, (4, 8), "residenziale"),
    kind("pronta_accoglienza_minori", "Comunità di pronta accoglienza", 2, MINORS, (5, 10), "residenziale"),
    kind("casa_famiglia_disabili", "Casa famiglia", 6, DISABLED, (3, 6), "residenziale"),
    kind("comunita_alloggio_disabili", "Comunità alloggio", 4, DISABLED, (7, 12), "residenziale"),
    kind("gruppo_appartamento_disabili", "Gruppo appartamento", 3, DISABLED, (2, 6), "residenziale"),
    kind("casa_famiglia_anziani", "Casa famiglia", 10, ELDERLY, (3, 6), "residenziale"),
    kind("comunita_alloggio_anziani", "Comunità alloggio", 12, ELDERLY, (7, 12), "residenziale"),
    kind("casa_riposo_anziani", "Casa di riposo", 16, ELDERLY, (13, 80), "residenziale"),
    kind("casa_albergo_anziani", "Casa albergo", 2, ELDERLY, (20, 80), "residenziale"),
    kind("pronta_accoglienza_adulti", "Pronta accoglienza", 2, ADULTS, (6, 20), "residenziale"),
    kind("casa_famiglia_psicosociale", "Casa famiglia", 2, ADULTS, (3, 6), "residenziale"),
    kind("casa_rifugio", "Casa", 1, &["donne_vittime_violenza"], (4, 12), "residenziale"),
    kind("semiautonomia", "Casa di semi-autonomia", 2, ADULTS, (2, 8), "residenziale"),
    kind("centro_diurno_minori", "Centro diurno", 6, MINORS, (10, 30), "semiresidenziale"),
    kind("centro_diurno_disabili", "Centro diurno", 6, DISABLED, (10, 30), "semiresidenziale"),
    kind("centro_diurno_anziani", "Centro diurno", 5, ELDERLY, (15, 60), "semiresidenziale"),
    kind("centro_diurno_adulti", "Centro diurno", 2, ADULTS, (10, 30), "semiresidenziale"),
    kind("mensa_sociale", "Mensa sociale", 2, &["poverta"], (30, 200), "servizio"),
    kind("accoglienza_notturna", "Accoglienza notturna", 1, &["poverta"], (10, 60), "servizio"),
    kind("servizio_vacanza", "Servizio vacanza", 1, DISABLED, (10, 40), "servizio"),
    kind("pronto_intervento", "Pronto intervento sociale", 1, ADULTS, (5, 30), "servizio"),
];

/// The facilities of every comune, in the order of comuni and codes.
pub fn facilities(territory: &Territory, options: Options) -> Vec<Facility> {
    let mut all = vec![];
    for (comune, expected) in territory.shares(FACILITIES * options.scale) {
        let mut rng = stream(options.seed, &format!("assa {}", comune.codice_istat));
        let count = around(&mut rng, expected);
        all.extend((1..=count).map(|n| facility(&mut rng, comune, n)));
    }
    all
}

fn facility(rng: &mut StdRng, comune: &Comune, n: usize) -> Facility {
    let kinds: Vec<(&'static Kind, u32)> = KINDS.iter().map(|k| (k, k.weight)).collect();
    let kind = weighted(rng, &kinds);
    // Half of them are older than the ten years that are told in full; new ones come every year.
    let opened = if rng.random_bool(0.5) { between(rng, day(2004, 3, 1), day(2015, 12, 31)) } else { between(rng, day(2016, 1, 10), day(2026, 3, 31)) };
    let closed = rng.random_bool(0.1).then(|| between(rng, (opened + Days::new(700)).max(day(2017, 1, 1)), day(2026, 9, 30)));
    let closed = closed.filter(|closed| *closed > opened + Days::new(400) && *closed < today());
    let places = rng.random_range(kind.capacity.0..=kind.capacity.1);
    let (first, last) = (opened.max(day(2016, 3, 1)) + Days::new(300), closed.map_or(day(2026, 6, 30), |closed| closed - Days::new(500)));
    let before = rng.random_range(kind.capacity.0..=places);
    let grown = (rng.random_bool(0.35) && before < places && first < last).then(|| (between(rng, first, last), before));
    let accredited = shifted(rng, opened.max(day(2015, 9, 1)), 60, 700);
    // A large comune is wider: Rome reaches some fifteen kilometres from its centre.
    let width = if comune.residenti > 1_000_000 { 0.11 } else { 0.02 };
    let mut near = |centre: f64| centre + rng.random_range(-width..width);
    let place = (near(comune.place.0), near(comune.place.1));
    Facility {
        code: format!("S{}-{n:04}", comune.codice_istat),
        codice_istat: comune.codice_istat.clone(),
        name: if rng.random_bool(0.15) { format!("{} di {}", kind.title, comune.nome) } else { format!("{} {}", kind.title, names::emblem(rng)) },
        kind,
        utenza: pick(rng, kind.utenze),
        operator: names::body(rng),
        place,
        places,
        grown,
        opened,
        closed,
        accredited: (rng.random_bool(0.6) && accredited < closed.unwrap_or_else(today)).then_some(accredited),
    }
}
