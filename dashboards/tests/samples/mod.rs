//! One chart of each form, with what charts meet: long names, gaps, large sums, estimates, nothing at all.

use std::collections::BTreeMap;

use dashboards::chart::{Category, Chart, Kind, Series, Target, Unit};
use dashboards::map::{Choropleth, Level, Places};
use dashboards::number::Number;
use datasets::language::Language;

fn number(text: &str) -> Option<Number> {
    Number::parse(text)
}

fn series(name: &str, values: &[&str]) -> Series {
    Series::new(name, values.iter().map(|v| number(v)).collect())
}

fn chart(kind: Kind, language: Language, unit: (&str, u8), categories: &[&str], series: Vec<Series>) -> Chart {
    Chart {
        id: "g".into(),
        kind,
        language,
        title: "Risorse finanziarie dei piani di zona per area".into(),
        description: "Importi dell'anno 2025, in euro.".into(),
        unit: Unit { name: unit.0.into(), decimals: unit.1 },
        by: "Area".into(),
        categories: categories.iter().map(|c| Category::new(*c, *c)).collect(),
        series,
        target: None,
    }
}

const AREAS: [&str; 4] = ["Famiglia e minori", "Disabili", "Povertà, disagio adulti e senza dimora", "Anziani"];
const DISTRICTS: [&str; 6] = ["RM 5.1", "RM 1", "FR A", "VT 1", "LT 2", "RI 3"];
const YEARS: [&str; 6] = ["2020", "2021", "2022", "2023", "2024", "2025"];

pub fn charts(language: Language) -> Vec<(&'static str, Chart)> {
    let programmed = series("Programmato", &["1250000.50", "845000.00", "91234.56", "2400000.00"]);
    let committed = series("Impegnato", &["1100000.00", "602000.10", "", "1999999.99"]);
    let reported = series("Rendicontato", &["830000.00", "410000.00", "45000.00", "1200000.00"]);
    let money = vec![programmed, committed, reported];
    let shares = series("Copertura", &["28.8812", "14.2000", "31.0500", "9.7000", "", "33.4000"]);
    let target = Some(Target { label: "Obiettivo".into(), value: number("28.88").expect("a number") });
    let years = [series("Nidi pubblici", &["310", "322", "335", "341", "352", "360"]), series("Nidi privati", &["280", "276", "", "301", "325", "331"])];
    let mut demand = series("Accessi", &["900", "950", "1010", "990", "1040", "1080"]);
    demand.bands = vec![None, None, None, None, number("1000").zip(number("1080")), number("1010").zip(number("1150"))];
    let ages = ["0-14", "15-29", "30-44", "45-59", "60-74", "75+"];
    let sexes = vec![series("Donne", &["1200", "1500", "2100", "2600", "1900", "1500"]), series("Uomini", &["1260", "1580", "2080", "2500", "1700", "1000"])];
    let many: Vec<String> = (0..60).map(|i| format!("{}.{}", (i * i * 7) % 41, i % 10)).collect();
    let names: Vec<String> = (0..60).map(|i| format!("Comune {i}")).collect();
    let (names, many): (Vec<&str>, Vec<&str>) = (names.iter().map(String::as_str).collect(), many.iter().map(String::as_str).collect());
    let per_cent = ("%", 1);
    vec![
        ("bars", chart(Kind::Bars, language, ("€", 2), &AREAS, money.clone())),
        ("stacked_bars", chart(Kind::StackedBars, language, ("€", 2), &AREAS, money)),
        ("bars_target", Chart { target: target.clone(), ..chart(Kind::Bars, language, per_cent, &DISTRICTS, vec![shares.clone()]) }),
        ("columns", chart(Kind::Columns, language, ("servizi", 0), &YEARS, years.to_vec())),
        ("stacked_columns", chart(Kind::StackedColumns, language, ("servizi", 0), &YEARS, years.to_vec())),
        ("lines", chart(Kind::Lines, language, ("servizi", 0), &YEARS, years.to_vec())),
        ("lines_band", chart(Kind::Lines, language, ("accessi", 0), &YEARS, vec![demand])),
        ("histogram", Chart { target: target.clone(), ..chart(Kind::Histogram, language, per_cent, &names, vec![series("Copertura", &many)]) }),
        ("strip", Chart { target: target.clone(), ..chart(Kind::Strip, language, per_cent, &names, vec![series("Copertura", &many)]) }),
        (
            "multiples",
            Chart {
                target: target.clone(),
                ..chart(Kind::Multiples, language, per_cent, &YEARS, DISTRICTS.map(|d| series(d, &["12.0", "15.5", "", "19.0", "24.5", "28.9"])).to_vec())
            },
        ),
        ("pyramid", chart(Kind::Pyramid, language, ("", 0), &ages, sexes)),
        ("progress", Chart { target, ..chart(Kind::Progress, language, per_cent, &DISTRICTS, vec![shares]) }),
        ("empty", chart(Kind::Bars, language, per_cent, &[], vec![])),
    ]
}

/// Maps of both levels from the tree's own register.
pub fn choropleths(language: Language) -> Vec<(&'static str, Choropleth)> {
    let register = include_str!("../../../datasets/territorio/data/comuni.csv");
    let mut places = Places::default();
    for line in register.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        places.comuni.insert(cells[0].into(), (cells[1].into(), cells[2].into()));
        places.ambiti.insert(cells[2].into(), format!("Distretto {}", cells[2]));
    }
    let value = |i: usize| Number::new(((i * 7919) % 4000) as i128, 2);
    let comuni: BTreeMap<String, Number> = places.comuni.keys().enumerate().filter(|(i, _)| i % 9 != 0).map(|(i, code)| (code.clone(), value(i))).collect();
    let ambiti: BTreeMap<String, Number> = places.ambiti.keys().enumerate().skip(1).map(|(i, code)| (code.clone(), value(i))).collect();
    let map = |level, values| Choropleth {
        id: "g".into(),
        language,
        title: "Copertura dei servizi educativi da 3 a 36 mesi".into(),
        description: "Posti ogni 100 bambini, anno educativo 2025.".into(),
        unit: Unit { name: "%".into(), decimals: 1 },
        name: "Copertura".into(),
        level,
        values,
        within: None,
        places: places.clone(),
    };
    let near = comuni.iter().filter(|(code, _)| places.comuni[*code].1 == "RM 5.1").map(|(code, value)| (code.clone(), *value)).collect();
    let district = Choropleth { within: Some("RM 5.1".into()), ..map(Level::Comune, near) };
    vec![("map_comuni", map(Level::Comune, comuni)), ("map_ambiti", map(Level::Ambito, ambiti)), ("map_district", district)]
}
