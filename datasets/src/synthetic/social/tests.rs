use std::collections::HashSet;
use std::path::Path;

use super::deliveries::COLUMNS;
use super::*;
use crate::catalog::Catalog;
use crate::fiscal_code;
use crate::synthetic::assa;

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
fn tmp_sigess() {
    let catalog = Catalog::load(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the contracts load");
    let Ok(scale) = std::env::var("TMPSIGESS") else { return };
    let dir = std::path::PathBuf::from(format!("/tmp/sigess/r{scale}/region"));
    let started = std::time::Instant::now();
    let made = crate::synthetic::write(&catalog, &dir, Options { scale: scale.parse().unwrap(), seed: 7 }, &mut |_| {}).unwrap();
    println!("{} files {} rows {} s", made.files.len(), made.files.iter().map(|f| f.rows).sum::<u64>(), started.elapsed().as_secs_f64());
}
