//! SIGeSS and the district plans, district by district and year by year: a person is drawn again from seed and number whenever a year
//! of theirs is told, so that memory stays flat, and what is delivered to persons is what the plans say was spent.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::Datelike;

use super::assa::Facility;
use super::error::Result;
use super::plans::{self, Spent};
use super::random::{around, stream};
use super::stream::Stream;
use super::territory::Territory;
use super::{Options, Output};

mod cases;
mod contacts;
mod deliveries;
mod homes;
mod interventions;
mod items;
mod minors;
pub mod people;
pub mod size;
mod story;
#[cfg(test)]
mod tests;

use homes::Homes;
use people::Person;
use size::{BEFORE, District, FIRST, LAST, Size};
use story::Story;

const DATASETS: [&str; 10] = [
    "sigess.persone",
    "sigess.accessi",
    "sigess.casi",
    "sigess.valutazioni",
    "sigess.piani_individuali",
    "sigess.interventi",
    "sigess.erogazioni",
    "sigess.emergenze",
    "sigess.isee",
    "sigess.minori",
];

pub fn write(out: &mut Output, territory: &Territory, facilities: &[Facility], options: Options) -> Result<()> {
    let size = Size::of(options);
    let mut met = HashSet::new();
    size::districts(territory, &size).iter().try_for_each(|district| write_district(out, territory, facilities, &size, district, &mut met))
}

/// The years of one district. `met` holds the fiscal codes so far.
fn write_district(out: &mut Output, territory: &Territory, facilities: &[Facility], size: &Size, district: &District, met: &mut HashSet<u64>) -> Result<()> {
    let comuni: Vec<&str> = district.comuni.iter().map(|c| c.codice_istat.as_str()).collect();
    let homes = Homes::of(facilities, &comuni);
    let mut teller = Teller { size: *size, territory, district, homes, known: vec![], met };
    let mut files: Option<Files> = None;
    for year in FIRST..=LAST {
        let period = if size.yearly { year } else { LAST };
        let mut open = match files.take() {
            Some(open) => open,
            None => Files::open(out, district.ambito, &period.to_string())?,
        };
        let spent = teller.year(out, &mut open.social, year)?;
        plans::year(out, &mut open.plans, district, year, &spent, *size)?;
        if size.yearly || year == LAST { open.close(out)? } else { files = Some(open) }
    }
    Ok(())
}

/// The files of a district that are being written.
struct Files {
    social: Social,
    plans: plans::Files,
}

impl Files {
    fn open(out: &Output, ambito: &str, period: &str) -> Result<Self> {
        let mut streams = vec![];
        for dataset in DATASETS {
            streams.push(Stream::new(out, dataset, ambito, period)?);
        }
        Ok(Self { social: Social { streams }, plans: plans::Files::open(out, ambito, period)? })
    }

    fn close(self, out: &mut Output) -> Result<()> {
        self.social.streams.into_iter().try_for_each(|stream| stream.close(out))?;
        self.plans.close(out)
    }
}

/// The ten files of SIGeSS, by their place in [`DATASETS`].
pub struct Social {
    streams: Vec<Stream>,
}

impl Social {
    fn of(&mut self, dataset: Dataset) -> &mut Stream {
        &mut self.streams[dataset as usize]
    }
}

#[derive(Clone, Copy)]
enum Dataset {
    Persons,
    Contacts,
    Cases,
    Assessments,
    Plans,
    Interventions,
    Deliveries,
    Emergencies,
    Certificates,
    Minors,
}

/// One of the persons, with what identifiers are made of.
struct Told<'a> {
    size: &'a Size,
    district: &'a District<'a>,
    person: &'a Person,
    story: &'a Story,
    /// Year of the first contact and number within it, from 0.
    entry: i32,
    n: usize,
}

impl Told<'_> {
    /// `N` + district + year + person + thing: unique in the district for each letter.
    fn id(&self, letter: char, year: i32, k: usize) -> String {
        format!("{letter}{}-{year}-{:02}{:05}{}", self.district.code, self.entry - BEFORE, self.n, k % 10)
    }

    fn case_id(&self, k: usize) -> String {
        self.id('C', self.story.cases[k].opened.year(), k)
    }

    /// A number that is always the same for the same thing of this person.
    fn chance(&self, what: &str, k: usize) -> u64 {
        let mut hash = DefaultHasher::new();
        (self.size.seed, &self.person.code, what, k).hash(&mut hash);
        hash.finish()
    }
}

/// Tells a district's years.
struct Teller<'a> {
    size: Size,
    territory: &'a Territory,
    district: &'a District<'a>,
    homes: Homes<'a>,
    /// For each year, of each person who came then: which attempt it is, and the last year of its story.
    known: Vec<Vec<(u8, i32)>>,
    /// Fiscal codes of the region, hashed: no two persons have the same.
    met: &'a mut HashSet<u64>,
}

impl Teller<'_> {
    fn year(&mut self, out: &mut Output, files: &mut Social, year: i32) -> Result<Spent> {
        let mut spent = Spent::default();
        let mut codes = vec![];
        let mut count = 0;
        for entry in if year == FIRST { BEFORE } else { year }..=year {
            let mut rng = stream(self.size.seed, &format!("entering {} {entry}", self.district.ambito));
            count = around(&mut rng, self.size.entering(f64::from(self.district.residents), entry));
            self.known.push(vec![]);
            for n in 0..count {
                let (attempt, person, story) = self.newcomer(entry, n);
                let last = last_year(&story);
                if let Some(known) = self.known.last_mut() {
                    known.push((attempt, last));
                }
                // Of those who came before the first file, only who is still there in its year.
                if last >= year {
                    if codes.len() < 200 {
                        codes.push((person.code.clone(), person.codice_istat.clone()));
                    }
                    self.tell(out, files, &mut spent, year, (entry, n), &person, &story)?;
                }
            }
        }
        for entry in BEFORE..if year == FIRST { BEFORE } else { year } {
            for n in 0..self.known[(entry - BEFORE) as usize].len() {
                let (attempt, last) = self.known[(entry - BEFORE) as usize][n];
                if last >= year {
                    let (person, mut rng) = people::person(self.size.seed, self.territory, self.district, entry, n, attempt);
                    let story = story::story(&mut rng, &person, &self.homes);
                    self.tell(out, files, &mut spent, year, (entry, n), &person, &story)?;
                }
            }
        }
        contacts::anonymous(out, files, self.district, &self.size, year, count)?;
        if self.district.all {
            contacts::emergencies(out, files, self.district, &self.size, year, &codes)?;
        }
        Ok(spent)
    }

    /// A person whose fiscal code nobody has yet.
    fn newcomer(&mut self, year: i32, n: usize) -> (u8, Person, Story) {
        let mut attempt = 0;
        loop {
            let (person, mut rng) = people::person(self.size.seed, self.territory, self.district, year, n, attempt);
            let mut hash = DefaultHasher::new();
            person.code.hash(&mut hash);
            if self.met.insert(hash.finish()) || attempt == u8::MAX {
                let story = story::story(&mut rng, &person, &self.homes);
                return (attempt, person, story);
            }
            attempt += 1;
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one caller, and a struct of them would be built for each person and year")]
    fn tell(&self, out: &mut Output, files: &mut Social, spent: &mut Spent, year: i32, (entry, n): (i32, usize), person: &Person, story: &Story) -> Result<()> {
        let told = Told { size: &self.size, district: self.district, person, story, entry, n };
        if entry.max(FIRST) == year {
            contacts::person(out, files, &told)?;
        }
        contacts::contacts(out, files, &told, year)?;
        if self.district.all {
            cases::rows(out, files, &told, year)?;
            interventions::rows(out, files, &told, year)?;
            deliveries::rows(out, files, &told, year, spent)?;
            minors::rows(out, files, &told, year)?;
        }
        Ok(())
    }
}

/// The last year in which something of a story is written.
fn last_year(story: &Story) -> i32 {
    let contacts = story.contacts.iter().map(|contact| contact.on.year());
    contacts.chain(story.cases.iter().map(|case| case.end().year())).max().unwrap_or(FIRST)
}
