use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::deliveries::COLUMNS;
use super::*;
use crate::catalog::Catalog;
use crate::fiscal_code;
use crate::synthetic::cell::Cell;
use crate::synthetic::random::day;
use crate::synthetic::style::MANY;
use crate::synthetic::{Manifest, assa, faults};

fn told() -> (Catalog, Territory) {
    let catalog = Catalog::load(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the contracts load");
    let territory = Territory::read(&catalog).unwrap();
    (catalog, territory)
}

#[test]
fn lines_are_in_the_order_of_the_contract() {
    let (catalog, _) = told();
    let contract = catalog.get(&"sigess.erogazioni".parse().unwrap()).unwrap();
    assert!(contract.delivered().map(|c| c.name.as_str()).eq(COLUMNS));
}

#[test]
fn persons_have_valid_codes_and_stories_that_hang_together() {
    let (_, territory) = told();
    let size = Size::of(Options { scale: 1.0, seed: 3 });
    let facilities = assa::facilities(&territory, Options { scale: 1.0, seed: 3 });
    let districts = size::districts(&territory, &size);
    let district = districts.iter().find(|d| d.ambito == "RM 5.1").unwrap();
    let homes = Homes::of(&facilities, &["058065", "058059", "058036"]);
    let (mut codes, mut died, mut cases) = (HashSet::new(), 0, 0);
    for n in 0..2_000 {
        let (person, mut rng) = people::person(3, &territory, district, 2019, n, 0);
        assert_eq!(fiscal_code::normal(&person.code).as_deref(), Some(person.code.as_str()));
        assert!(person.born <= person.met && person.met.year() == 2019);
        codes.insert(person.code.clone());
        let story = story::story(&mut rng, &person, &homes);
        assert!(!story.contacts.is_empty());
        died += usize::from(story.died.is_some());
        for case in &story.cases {
            cases += 1;
            let within = |on| (case.opened..=case.end()).contains(&on);
            assert!(case.assessments.iter().all(|a| within(a.asked) && within(a.done)));
            assert!(case.plans.iter().all(|p| within(p.signed) && p.closed.is_none_or(|(on, _)| on >= p.signed)));
            assert!(case.interventions.iter().all(|i| within(i.asked) && i.from.is_none_or(within) && i.to.is_none_or(|to| within(to) && Some(to) >= i.from)));
        }
        assert!(story.cases.windows(2).all(|pair| pair[0].end() < pair[1].opened));
    }
    assert!(codes.len() > 1_990 && died > 20 && (1_000..1_700).contains(&cases), "{} {died} {cases}", codes.len());
}

#[test]
fn a_small_region_has_few_persons_and_a_large_one_all() {
    let small = Size::of(Options { scale: 0.05, seed: 1 });
    assert!(small.persons < 0.01 && small.months == 12 && !small.yearly && !small.whole);
    let real = Size::of(Options { scale: 1.0, seed: 1 });
    assert!(real.persons == 1.0 && real.months == 1 && real.yearly && real.whole);
    assert!(real.entering(1e6, 2025) > real.entering(1e6, 2016) * 1.25);
}

#[test]
fn a_file_too_large_for_a_worksheet_is_streamed_with_its_faults() {
    let (catalog, _) = told();
    let dir = tempfile::tempdir().unwrap();
    let mut out = Output {
        catalog: &catalog,
        dir: dir.path(),
        seed: 7,
        manifest: Manifest::default(),
        known: faults::Known::default(),
        series: BTreeMap::new(),
        progress: &mut |_| {},
    };
    let mut stream = Stream::new(&out, "sigess.erogazioni", "FR A", "2017").unwrap();
    let rows = MANY + 500;
    for n in 0..rows {
        let intervention = format!("NFRA-2017-{n:08}");
        let from = day(2017, 1 + n as u32 % 12, 1);
        let cents = Cell::cents(1_000);
        stream
            .row(
                &mut out,
                vec![
                    format!("{intervention}/001").into(),
                    intervention.into(),
                    if n % 2 == 0 { "RVBDRO50A41H501O" } else { "RSSMRA80A01H501U" }.into(),
                    "060038".into(),
                    from.into(),
                    from.into(),
                    cents.clone(),
                    "ore".into(),
                    cents.clone(),
                    cents.clone(),
                    cents,
                    Cell::cents(0),
                    Cell::cents(0),
                    Cell::cents(0),
                    "A2.16".into(),
                    "P".into(),
                    "liquidata".into(),
                    "si".into(),
                ],
            )
            .unwrap();
    }
    stream.close(&mut out).unwrap();
    let (file, faults) = (&out.manifest.files[0], &out.manifest.faults);
    assert!(faults.len() > 90 && file.rows as usize == rows + faults.len());
    let text = String::from_utf8(std::fs::read(dir.path().join(&file.path)).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 1 + file.rows as usize);
    assert!(faults.iter().all(|fault| lines[fault.line as usize - 1].contains(&fault.value)));
}
