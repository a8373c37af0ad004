//! Column names of an answer, made unique: JSON objects and Parquet files have no place for two columns of one name.

use std::collections::HashSet;
use std::sync::Arc;

use ::arrow::datatypes::{Schema, SchemaRef};

/// The schema with the second `id` renamed `id_2`, and so on.
pub(super) fn unique(schema: &SchemaRef) -> SchemaRef {
    let mut taken: HashSet<String> = HashSet::new();
    if schema.fields().iter().all(|f| taken.insert(f.name().clone())) {
        return schema.clone();
    }
    let mut used = HashSet::new();
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut n = 1;
        while !used.insert(name.clone()) {
            n += 1;
            name = format!("{}_{n}", field.name());
            while taken.contains(&name) && !used.contains(&name) {
                n += 1;
                name = format!("{}_{n}", field.name());
            }
        }
        fields.push(Arc::new(field.as_ref().clone().with_name(name)));
    }
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::arrow::datatypes::{DataType, Field};

    #[test]
    fn names_become_unique_and_keep_their_place() {
        let schema = Schema::new(["id", "id_2", "id", "n", "id"].map(|n| Field::new(n, DataType::Int64, true)).to_vec());
        let got = unique(&Arc::new(schema));
        let names: Vec<&str> = got.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, ["id", "id_2", "id_3", "n", "id_4"]);
    }
}
