//! Plain layouts of answers: the engine's views and dictionaries become the types that contracts and doors name.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

pub fn schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// `batch` in the layout of `schema`, which [`schema`] made from the batch's own. Arrays that are plain are not copied.
pub fn batch(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Vec<ArrayRef> =
        columns.map(|(c, f)| if c.data_type() == f.data_type() { Ok(c.clone()) } else { cast(c, f.data_type()) }).collect::<Result<_, _>>()?;
    RecordBatch::try_new_with_options(schema.clone(), columns, &RecordBatchOptions::new().with_row_count(Some(batch.num_rows())))
}

fn field(f: &FieldRef) -> FieldRef {
    let plain = data_type(f.data_type());
    if &plain == f.data_type() { f.clone() } else { Arc::new(Field::clone(f).with_data_type(plain)) }
}

fn data_type(t: &DataType) -> DataType {
    match t {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => data_type(value),
        DataType::List(item) => DataType::List(field(item)),
        DataType::LargeList(item) => DataType::LargeList(field(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, StringViewArray};

    use super::*;

    #[test]
    fn views_become_text() {
        let views: ArrayRef = Arc::new(StringViewArray::from(vec![Some("058091 con una coda lunga"), None]));
        let from = RecordBatch::try_from_iter([("a", views)]).expect("batch");
        let plain = schema(&from.schema());
        let to = batch(from, &plain).expect("cast");
        assert_eq!(to.column(0).data_type(), &DataType::Utf8);
        assert!(to.column(0).is_null(1));
    }
}
