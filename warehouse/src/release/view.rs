//! A contract as the public may read it: without what it does not see, and without promises that a mask does not keep.

use datasets::catalog::{Catalog, STRANGER};
use datasets::model::{Class, Contract};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::release::manifest::ColumnOf;
use crate::session::Visible;

pub fn view(visible: &Visible<'_>) -> Contract {
    let mut contract = visible.contract.clone();
    let hidden: Vec<String> = contract.columns.iter().filter(|c| visible.columns.iter().all(|v| v.name != c.name)).map(|c| c.name.clone()).collect();
    contract.columns.retain(|c| !hidden.contains(&c.name));
    for column in &mut contract.columns {
        if visible.masked.contains(&column.name.as_str()) {
            (column.required, column.pattern, column.code_list, column.references) = (false, None, None, None);
            (column.min, column.max, column.max_length) = (None, None, None);
        }
        // Shown is shown.
        column.class = Class::Public;
        column.aliases.clear();
    }
    if contract.key.iter().any(|k| hidden.contains(k) || visible.masked.contains(&k.as_str())) {
        contract.key.clear();
    }
    contract.sort.retain(|k| !hidden.contains(k));
    contract.access.clear();
    contract.rules.retain(|rule| !hidden.iter().any(|h| rule.sql.contains(h.as_str())));
    contract.set_rules.clear();
    contract
}

pub fn columns(view: &Contract) -> Vec<ColumnOf> {
    let column = |c: &datasets::model::Column| ColumnOf {
        name: c.name.clone(),
        r#type: c.r#type.into(),
        title: c.title.clone(),
        unit: c.unit.clone(),
        code_list: c.code_list.clone(),
    };
    view.columns.iter().map(column).collect()
}

/// A hash of what readers rely on: version, columns, key, licence, which rows and through which masks, and an indicator's formulas.
/// A better word in a description is not in it.
pub fn hash(catalog: &Catalog, view: &Contract) -> String {
    let columns: Vec<_> = view.columns.iter().map(|c| json!([c.name, String::from(c.r#type), c.unit, c.code_list])).collect();
    let formulas: Vec<_> = catalog.indicators.get(&view.name).iter().flat_map(|i| &i.formulas).map(|f| json!([f.version, f.valid_from, f.valid_to])).collect();
    let licence = view.publication.as_ref().map(|p| &p.licence);
    let shown = catalog.get(&view.name).and_then(|contract| contract.access_for(STRANGER)).map(|access| json!([access.rows, access.mask]));
    let part = json!([view.version, columns, view.key, licence, formulas, shown]);
    hex::encode(Sha256::digest(part.to_string().as_bytes()))
}
