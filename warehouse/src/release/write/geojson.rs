//! GeoJSON (RFC 7946) of rows with a place: longitude first, WGS 84; a row without one has no geometry.

use arrow::array::RecordBatch;
use serde_json::json;

use super::cells::Cells;
use super::json::object;
use super::{Fault, Write};

/// The columns that say where.
pub const LATITUDE: &str = "latitudine";
pub const LONGITUDE: &str = "longitudine";

pub struct GeoJson<W> {
    out: W,
    names: Vec<String>,
    latitude: usize,
    longitude: usize,
    count: u64,
}

impl<W: std::io::Write + Send> GeoJson<W> {
    /// `None` for columns without a place.
    pub fn new(mut out: W, columns: &[&str]) -> Result<Option<Self>, Fault> {
        let at = |wanted: &str| columns.iter().position(|name| *name == wanted);
        let (Some(latitude), Some(longitude)) = (at(LATITUDE), at(LONGITUDE)) else { return Ok(None) };
        write!(out, "{{\"type\":\"FeatureCollection\",\"features\":[")?;
        Ok(Some(Self { out, names: columns.iter().map(|name| json!(name).to_string()).collect(), latitude, longitude, count: 0 }))
    }
}

impl<W: std::io::Write + Send> Write for GeoJson<W> {
    fn rows(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        let mut cells = Cells::new(batch)?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            text.clear();
            text.push_str(if self.count > 0 { ",\n" } else { "\n" });
            text.push_str("{\"type\":\"Feature\",\"geometry\":");
            let latitude = cells.get(row, self.latitude)?.1.map(str::to_owned);
            match (latitude, cells.get(row, self.longitude)?.1) {
                (Some(latitude), Some(longitude)) => text.push_str(&format!("{{\"type\":\"Point\",\"coordinates\":[{longitude},{latitude}]}}")),
                _ => text.push_str("null"),
            }
            text.push_str(",\"properties\":");
            object(&mut text, &self.names, &mut cells, row, |column| column != self.latitude && column != self.longitude)?;
            text.push('}');
            self.count += 1;
            self.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    fn end(mut self: Box<Self>) -> Result<bool, Fault> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()?;
        Ok(true)
    }
}
