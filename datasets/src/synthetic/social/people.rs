//! Persons whom nobody is: names from our own lists, a day and a place of birth drawn at random, and the fiscal code that follows.

use chrono::{Datelike, Days, Months, NaiveDate};
use rand::Rng;
use rand::rngs::StdRng;

use super::size::District;
use crate::fiscal_code;
use crate::synthetic::names;
use crate::synthetic::random::{stream, weighted};
use crate::synthetic::territory::Territory;

/// Countries of birth and citizenship: cadastral code, ISO 3166 numeric code, group, weight.
const COUNTRIES: [(&str, &str, &str, u32); 12] = [
    ("Z129", "642", "ue", 30),
    ("Z127", "616", "ue", 5),
    ("Z104", "100", "ue", 3),
    ("Z216", "608", "extra_ue", 10),
    ("Z249", "050", "extra_ue", 10),
    ("Z222", "356", "extra_ue", 8),
    ("Z138", "804", "extra_ue", 7),
    ("Z100", "008", "extra_ue", 7),
    ("Z210", "156", "extra_ue", 5),
    ("Z611", "604", "extra_ue", 5),
    ("Z336", "818", "extra_ue", 6),
    ("Z335", "566", "extra_ue", 4),
];

#[derive(Clone, Debug)]
pub struct Person {
    pub code: String,
    pub last: &'static str,
    pub first: &'static str,
    pub born: NaiveDate,
    pub female: bool,
    pub place: String,
    pub citizenship: &'static str,
    pub country: &'static str,
    pub codice_istat: String,
    pub address: String,
    pub utenza: &'static str,
    pub need: &'static str,
    /// Day of the first contact.
    pub met: NaiveDate,
}

/// Person `n` of those who first turn to the district in `year`, and the chance from which their story is told. Another `attempt` is
/// another person.
pub fn person(seed: u64, territory: &Territory, district: &District, year: i32, n: usize, attempt: u8) -> (Person, StdRng) {
    let mut chance = stream(seed, &format!("person {} {year} {n} {attempt}", district.ambito));
    let rng = &mut chance;
    let places: Vec<(usize, u32)> = district.comuni.iter().enumerate().map(|(i, c)| (i, c.residenti)).collect();
    let comune = district.comuni[weighted(rng, &places)];
    let (utenza, band, need) = who(rng, year);
    let met = met(rng, year);
    let age: i32 = match band {
        "85+" => rng.random_range(85..97),
        band => {
            let (from, to) = band.split_once('-').unwrap_or(("30", "64"));
            rng.random_range(from.parse().unwrap_or(30)..=to.parse().unwrap_or(64))
        }
    };
    let born = met - Months::new(12 * age as u32) - Days::new(rng.random_range(0..365));
    // A day less than a year short of the next birthday; a leap day may move it by one.
    let born = if met.years_since(born) == Some(age as u32) { born } else { born + Days::new(2) };
    let foreign = utenza == "immigrati_rom_sinti" || rng.random_bool(0.14);
    let (place, country, citizenship) = if foreign {
        let (place, iso, group) = weighted(rng, &COUNTRIES.map(|(place, iso, group, weight)| ((place, iso, group), weight)));
        (place.to_owned(), iso, group)
    } else {
        (territory.comuni[rng.random_range(0..territory.comuni.len())].belfiore.clone(), "380", "italiana")
    };
    let female = rng.random_bool(if utenza == "donne_vittime_violenza" { 1.0 } else { 0.55 });
    let (first, last) = names::pair(rng, female);
    let code = fiscal_code::of(last, first, born, female, &place).unwrap_or_default();
    let address = names::address(rng);
    let person = Person { code, last, first, born, female, place, citizenship, country, codice_istat: comune.codice_istat.clone(), address, utenza, need, met };
    (person, chance)
}

impl Person {
    pub fn age(&self, on: NaiveDate) -> i32 {
        on.years_since(self.born).map_or(0, |years| years as i32)
    }

    pub fn born_year(&self) -> i64 {
        self.born.year().into()
    }
}

/// A day of the year: fewer in August and at Christmas, hardly any at weekends.
fn met(rng: &mut StdRng, year: i32) -> NaiveDate {
    let months = if year == super::size::LAST { 10 } else { 12 };
    let weights: Vec<(u32, u32)> = [11, 10, 10, 8, 9, 8, 8, 4, 10, 11, 9, 6].into_iter().enumerate().take(months).map(|(m, w)| (m as u32 + 1, w)).collect();
    let month = weighted(rng, &weights);
    let day = crate::synthetic::random::day(year, month, rng.random_range(1..=28));
    match day.weekday().num_days_from_monday() {
        // Back to Friday, within the month.
        late @ 5..=6 if rng.random_bool(0.9) => day - Days::new(u64::from((late - 4).min(day.day0()))),
        _ => day,
    }
}

/// What is drawn from, each with its weight.
type Weights = &'static [(&'static str, u32)];

/// User group, age band and need that go together; the poor of 2020 and 2021, and the refugees of 2022, stand out.
fn who(rng: &mut StdRng, year: i32) -> (&'static str, &'static str, &'static str) {
    let utenza = weighted(
        rng,
        &[
            ("famiglia_minori", 24),
            ("anziani_autosufficienti", 12),
            ("disabili", 14),
            ("anziani_non_autosufficienti", 20 + (year - 2016).max(0) as u32 / 2),
            ("poverta", if matches!(year, 2020 | 2021) { 26 } else { 16 }),
            ("disagio_adulti", 7),
            ("donne_vittime_violenza", 2),
            ("immigrati_rom_sinti", if year == 2022 { 9 } else { 5 }),
        ],
    );
    let (ages, needs): (Weights, Weights) = match utenza {
        "famiglia_minori" => {
            (&[("00-02", 2), ("03-05", 2), ("06-13", 5), ("14-17", 4), ("30-64", 2)], &[("genitorialita", 5), ("economico", 3), ("informazione", 2)])
        }
        "anziani_autosufficienti" => (&[("65-74", 5), ("75-84", 5), ("85+", 1)], &[("informazione", 3), ("autonomia", 3), ("economico", 2)]),
        "anziani_non_autosufficienti" => (&[("65-74", 1), ("75-84", 4), ("85+", 6)], &[("autonomia", 8), ("disabilita", 2)]),
        "disabili" => (&[("06-13", 2), ("14-17", 1), ("18-29", 3), ("30-64", 6)], &[("disabilita", 7), ("autonomia", 3), ("lavoro", 1)]),
        "donne_vittime_violenza" => (&[("18-29", 3), ("30-64", 6)], &[("violenza", 9), ("casa", 1)]),
        "disagio_adulti" => (&[("18-29", 3), ("30-64", 7)], &[("dipendenze", 4), ("salute_mentale", 4), ("casa", 2)]),
        _ => (&[("18-29", 3), ("30-64", 8)], &[("economico", 5), ("casa", 3), ("lavoro", 3)]),
    };
    (utenza, weighted(rng, ages), weighted(rng, needs))
}
