//! Every contract under `datasets/` loads without a mistake.

use std::path::Path;

use datasets::catalog::Catalog;

#[test]
fn all_contracts_load() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let catalog = Catalog::load(dir).unwrap_or_else(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        panic!("{} mistakes:\n{}", lines.len(), lines.join("\n"))
    });
    assert!(!catalog.contracts.is_empty());
}
