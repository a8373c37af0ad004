//! Early-childhood education services in proportion to the population, over eleven educational years: they open, grow and are
//! accredited, and fewer children came in 2020.

use rand::Rng;
use rand::rngs::StdRng;

use super::random::{around, stream, weighted};
use super::territory::{Comune, Territory};
use super::{Options, names};

pub mod accreditation;
pub mod contributions;
pub mod places;
pub mod services;

/// Services of a region at scale 1.
const SERVICES: f64 = 1_500.0;
/// First and last educational year told; a service's places are told from its second year on, its enrolments from the third.
pub const YEARS: std::ops::RangeInclusive<i64> = 2015..=2026;
/// Period of the deliveries that tell all years.
pub const PERIOD: &str = "2026";

/// How often each type of L.R. 7/2020 occurs.
const KINDS: [(&str, u32); 8] = [
    ("nido", 55),
    ("micronido", 16),
    ("sezione_primavera", 12),
    ("spazio_gioco", 7),
    ("nido_domestico", 5),
    ("centro_famiglie", 3),
    ("educazione_aperto", 1),
    ("educazione_interculturale", 1),
];

pub struct Service {
    pub code: String,
    pub codice_istat: String,
    pub name: String,
    pub kind: &'static str,
    pub address: String,
    pub public: bool,
    pub management: &'static str,
    pub operator: String,
    /// Places in the first year and those added each third year.
    places: i64,
    growth: i64,
    /// Infants' share of the places and contracted share, in hundredths.
    infants: i64,
    contracted: i64,
    /// Share of the older toddlers' places that are part-time, in hundredths.
    part_time: i64,
    /// Share of the places taken in 2015, in hundredths.
    taken: i64,
    /// Quarters of an hour a day.
    pub quarters: i64,
    pub months: i64,
    /// Educational year of the first accreditation.
    pub accredited: Option<i64>,
    pub coordinator: Option<String>,
    pub workplace: bool,
    pub hub: bool,
    /// Educational year it opened in, not before the first of [`YEARS`].
    pub since: i64,
}

/// Places of one band and time: band, full time, places.
pub type Band = (&'static str, bool, i64);

/// The services of every comune, in the order of comuni and codes.
pub fn services(territory: &Territory, options: Options) -> Vec<Service> {
    let mut all = vec![];
    for (comune, expected) in territory.shares(SERVICES * options.scale) {
        let mut rng = stream(options.seed, &format!("childcare {}", comune.codice_istat));
        let count = around(&mut rng, expected);
        all.extend((1..=count).map(|n| service(&mut rng, comune, n)));
    }
    all
}

fn service(rng: &mut StdRng, comune: &Comune, n: usize) -> Service {
    // A metropolis has services of every kind.
    let kind = KINDS.get(n - 1).filter(|_| comune.residenti > 1_000_000).map_or_else(|| weighted(rng, &KINDS), |(kind, _)| *kind);
    let public = kind != "nido_domestico" && rng.random_bool(0.42);
    let (low, high) = match kind {
        "nido" => (24, 69),
        "nido_domestico" => (3, 5),
        "sezione_primavera" | "micronido" => (8, 20),
        _ => (10, 30),
    };
    let management = match public {
        true => weighted(rng, &[("diretta", 6), ("appalto", 4)]),
        false => weighted(rng, &[("privata", 7), ("convenzione", 3)]),
    };
    let since = if rng.random_bool(0.6) { *YEARS.start() } else { rng.random_range(2016..=2025) };
    Service {
        code: format!("E{}-{n:04}", comune.codice_istat),
        codice_istat: comune.codice_istat.clone(),
        name: format!("{} {}", title(kind), names::emblem(rng)),
        kind,
        address: names::address(rng),
        public,
        management,
        operator: if management == "diretta" { format!("Comune di {}", comune.nome) } else { names::body(rng) },
        places: rng.random_range(low..=high),
        growth: if kind == "nido" { rng.random_range(0..=2) } else { 0 },
        infants: match kind {
            // L.R. 7/2020: a fifth of the places at least.
            "nido" => rng.random_range(20..=30),
            "micronido" => rng.random_range(0..=30),
            "nido_domestico" => rng.random_range(0..=40),
            _ => 0,
        },
        contracted: if management == "convenzione" { rng.random_range(20..=100) } else { 0 },
        part_time: match kind {
            "spazio_gioco" | "centro_famiglie" => 100,
            "nido" | "micronido" if rng.random_bool(0.3) => rng.random_range(20..=60),
            _ => 0,
        },
        taken: rng.random_range(66..=88),
        quarters: match kind {
            "nido" => rng.random_range(28..=44),
            "spazio_gioco" | "centro_famiglie" => rng.random_range(10..=20),
            _ => rng.random_range(20..=36),
        },
        months: if kind == "nido" { rng.random_range(10..=12) } else { rng.random_range(9..=11) },
        accredited: match public {
            true => Some(since),
            false => rng.random_bool(0.55).then(|| rng.random_range(since.max(2018)..=2026)),
        },
        coordinator: rng.random_bool(0.9).then(|| names::person(rng)),
        workplace: !public && rng.random_bool(0.04),
        hub: public && rng.random_bool(0.08),
        since,
    }
}

impl Service {
    pub fn years(&self) -> impl Iterator<Item = i64> + use<> {
        self.since..=*YEARS.end()
    }

    pub fn owner(&self) -> &'static str {
        if self.public { "pubblica" } else { "privata" }
    }

    pub fn accredited_in(&self, year: i64) -> bool {
        self.accredited.is_some_and(|since| since <= year)
    }

    /// Authorised places in an educational year.
    pub fn places_in(&self, year: i64) -> i64 {
        self.places + self.growth * ((year - self.since) / 3)
    }

    /// Its places by band and time, which sum to the authorised ones; none empty.
    pub fn bands(&self, year: i64) -> Vec<Band> {
        let all = self.places_in(year);
        let infants = (all * self.infants + 99) / 100;
        let younger = if self.kind == "sezione_primavera" { 0 } else { (all - infants) * 45 / 100 };
        let older = all - infants - younger;
        let part = older * self.part_time / 100;
        let always_part = self.part_time == 100;
        let bands = [("lattanti", true, infants), ("semidivezzi", !always_part, younger), ("divezzi", true, older - part), ("divezzi", false, part)];
        bands.into_iter().filter(|(_, _, places)| *places > 0).collect()
    }

    /// How many of `places` the comune buys.
    pub fn contracted(&self, places: i64) -> i64 {
        places * self.contracted / 100
    }

    pub fn infants(&self, year: i64) -> i64 {
        self.bands(year).iter().filter(|(band, _, _)| *band == "lattanti").map(|(_, _, places)| places).sum()
    }

    pub fn contracted_in(&self, year: i64) -> i64 {
        self.bands(year).iter().map(|(_, _, places)| self.contracted(*places)).sum()
    }

    /// Children enrolled in a band of so many places: ever more, but for 2020.
    pub fn enrolled(&self, year: i64, places: i64) -> i64 {
        let share = self.taken + (year - 2015) - if year == 2020 { 22 } else { 0 };
        places * share.clamp(20, 100) / 100
    }

    /// Places of each band, whatever their time.
    pub fn by_band(&self, year: i64) -> Vec<(&'static str, i64)> {
        let bands = self.bands(year);
        let sum = |of: &str| bands.iter().filter(|(band, _, _)| *band == of).map(|(_, _, places)| places).sum();
        ["lattanti", "semidivezzi", "divezzi"].into_iter().map(|band| (band, sum(band))).filter(|(_, places)| *places > 0).collect()
    }
}

fn title(kind: &str) -> &'static str {
    match kind {
        "nido" => "Nido",
        "micronido" => "Micronido",
        "sezione_primavera" => "Sezione primavera",
        "spazio_gioco" => "Spazio gioco",
        "nido_domestico" => "Nido domestico",
        "centro_famiglie" => "Centro bambini e famiglie",
        _ => "Servizio educativo",
    }
}
