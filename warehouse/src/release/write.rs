//! The files of a release: each format one module, fed batch by batch.

mod cells;
pub mod csv;
pub mod geojson;
pub mod json;
pub mod parquet;
pub mod xlsx;

use arrow::array::RecordBatch;

/// A fault of writing.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Takes rows in their order and makes a file of them.
pub trait Write: Send {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault>;

    /// Ends the file; false when the format cannot hold these rows, and the file is to be let go.
    fn end(self: Box<Self>) -> Result<bool, Fault>;
}

/// Media type of a format.
pub fn media_type(format: &str) -> &'static str {
    match format {
        "csv" | "raw.csv" => "text/csv; charset=utf-8; header=present",
        "json" => "application/json",
        "ndjson" => "application/x-ndjson",
        "parquet" => "application/vnd.apache.parquet",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "geojson" => "application/geo+json",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

/// The cells of a batch, row by row, as the exact CSV writes them.
pub fn cells_of(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, Fault> {
    let mut cells = cells::Cells::new(batch)?;
    let mut rows = Vec::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        let of_row = (0..cells.columns()).map(|column| Ok(cells.get(row, column)?.1.map(str::to_owned)));
        rows.push(of_row.collect::<Result<_, Fault>>()?);
    }
    Ok(rows)
}
