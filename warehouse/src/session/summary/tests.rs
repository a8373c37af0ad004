use std::path::Path;

use datasets::catalog::Catalog;
use datasets::model::DatasetName;

use super::*;
use crate::session::Visible;
use crate::session::rows::Operator;

fn catalog() -> Catalog {
    Catalog::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../datasets")).expect("the contracts load")
}

/// The code of the refusal of `function` of `column`, over everything of the dataset or one value of each column of `fixed`.
fn refusal(catalog: &Catalog, dataset: &str, function: Function, column: &str, fixed: &[&str]) -> Option<&'static str> {
    let name: DatasetName = dataset.parse().expect("a name");
    let contract = catalog.get(&name).expect("a dataset");
    let visible = Visible { name: &name, contract, columns: contract.columns.iter().collect(), masked: Vec::new(), history: false };
    let filter = |column: &&str| Filter { column: (*column).into(), operator: Operator::Eq, value: Some("1".into()) };
    let column = (!column.is_empty()).then(|| column.to_owned());
    let filters = fixed.iter().map(filter).collect();
    let summary = Summary { group: Vec::new(), across: None, function, column, filters, order: Order::Group, limit: None };
    rules::check(&summary, &visible, catalog.indicators.get(&name)).err().map(|e| e.code)
}

#[test]
fn a_ratio_is_never_added_or_averaged() {
    let catalog = catalog();
    let nido = |function, column, fixed: &[&str]| refusal(&catalog, "leps.copertura_nido", function, column, fixed);
    for function in [Function::Sum, Function::Avg] {
        assert_eq!(nido(function, "valore", &["livello", "anno"]), Some("summary.ratio"));
        assert_eq!(nido(function, "bersaglio", &["livello", "anno"]), Some("summary.ratio"));
    }
    assert_eq!(nido(Function::Max, "valore", &[]), None);
    assert_eq!(nido(Function::Sum, "numeratore", &["livello", "anno"]), None);
}

#[test]
fn a_place_is_not_counted_at_every_level_and_in_every_year() {
    let catalog = catalog();
    let nido = |fixed: &[&str]| refusal(&catalog, "leps.copertura_nido", Function::Sum, "numeratore", fixed);
    assert_eq!(nido(&[]), Some("summary.levels"));
    assert_eq!(nido(&["livello"]), Some("summary.years"));
    assert_eq!(nido(&["anno"]), Some("summary.levels"));
}

#[test]
fn what_is_no_quantity_is_not_added() {
    let catalog = catalog();
    let code = |dataset, function, column| refusal(&catalog, dataset, function, column, &[]);
    assert_eq!(code("territorio.popolazione", Function::Sum, "eta"), Some("summary.key"));
    assert_eq!(code("territorio.popolazione", Function::Sum, "anno"), Some("summary.key"));
    assert_eq!(code("territorio.popolazione", Function::Sum, "totale"), None);
    assert_eq!(code("territorio.comuni", Function::Sum, "latitudine"), Some("summary.unit"));
    assert_eq!(code("sirse.servizi", Function::Avg, "tipo"), Some("summary.type"));
    assert_eq!(code("sirse.servizi", Function::Max, "accreditato"), Some("summary.type"));
    assert_eq!(code("sirse.servizi", Function::Sum, ""), Some("summary.measure"));
    assert_eq!(code("sirse.servizi", Function::Count, ""), None);
    assert_eq!(code("sirse.servizi", Function::Count, "manca"), Some("summary.column"));
}
