use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray};

use super::*;

/// The values of the first row, as text.
fn texts(columns: Vec<ArrayRef>) -> Vec<Option<String>> {
    let names: Vec<String> = (0..columns.len()).map(|n| n.to_string()).collect();
    let batch = RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap();
    let mut out = BytesMut::new();
    Layout::new(&batch.schema(), &[]).unwrap().rows(&batch, 0, 1, &mut out).unwrap();
    let mut rest = &out[7..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        let end = 4 + length.max(0) as usize;
        found.push((length >= 0).then(|| String::from_utf8(rest[4..end].to_vec()).unwrap()));
        rest = &rest[end..];
    }
    found
}

#[test]
fn values_as_postgresql_writes_them() {
    let decimals = Decimal128Array::from(vec![12_345_678_901_234_567_890_123_456_789_012_345_678_i128]).with_precision_and_scale(38, 30).unwrap();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![-7])),
        Arc::new(Float64Array::from(vec![1.0])),
        Arc::new(Float64Array::from(vec![1e20])),
        Arc::new(Float64Array::from(vec![0.00001])),
        Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])),
        Arc::new(decimals),
        Arc::new(Date32Array::from(vec![19_957])),
        Arc::new(TimestampMicrosecondArray::from(vec![1_724_284_800_120_000]).with_timezone("UTC")),
        Arc::new(TimestampMicrosecondArray::from(vec![0])),
        Arc::new(StringArray::from(vec![None::<&str>])),
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])])),
    ];
    let expected = [
        "-7",
        "1",
        "1e+20",
        "1e-05",
        "-Infinity",
        "12345678.901234567890123456789012345678",
        "2024-08-22",
        "2024-08-22 00:00:00.12+00",
        "1970-01-01 00:00:00",
        "",
        "{1,NULL}",
    ];
    let found: Vec<String> = texts(columns).into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(found, expected);
}

#[test]
fn unnamed_results_have_postgresqls_names() {
    assert_eq!((name("count(*)"), name("sum(t.importo)"), name("costo (euro)"), name("sum(a) + sum(b)")), ("count", "sum", "costo (euro)", "sum(a) + sum(b)"));
}

#[test]
fn formats_must_fit_the_columns() {
    let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
    assert!(Layout::new(&schema, &[1]).is_ok());
    assert!(Layout::new(&schema, &[1, 0]).is_err());
}
