//! The pyramid of ages of a place.

use dashboards::chart::{Category, Chart, Kind, Series, Unit};
use dashboards::number::Number;
use datasets::language::Language;

use super::facts::People;
use crate::doors::http::reading::IN_PAGE;

pub fn pyramid(people: &People, language: Language) -> Option<String> {
    let year = people.year?;
    let english = language == Language::En;
    let words = |it: &str, en: &str| if english { en } else { it }.to_owned();
    let category = |(from, _, _): &(i64, i64, i64)| {
        let label = if *from >= 90 { "90+".to_owned() } else { format!("{from}-{}", from + 4) };
        Category::new(label.clone(), label)
    };
    let chart = Chart {
        id: "piramide".into(),
        kind: Kind::Pyramid,
        language,
        title: format!("{} {year}", words("Residenti per età e sesso al 1° gennaio", "Residents by age and sex on 1 January")),
        description: words("Donne e uomini per fascia di cinque anni d'età.", "Women and men by bands of five years of age."),
        unit: Unit { name: String::new(), decimals: 0 },
        by: words("Età", "Age"),
        categories: people.bands.iter().map(category).collect(),
        series: vec![
            Series::new(words("Donne", "Women"), people.bands.iter().map(|(_, women, _)| Some(Number::from(*women))).collect()),
            Series::new(words("Uomini", "Men"), people.bands.iter().map(|(_, _, men)| Some(Number::from(*men))).collect()),
        ],
        target: None,
    };
    Some(dashboards::svg(&chart, &IN_PAGE))
}
