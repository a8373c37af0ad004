//! Draws rows as pictures, and always beside them as a table. Dashboards are files `*.toml` of this folder.
//!
//! A [`chart::Chart`] or a [`map::Choropleth`] holds exact numbers; [`svg`] and [`map::svg`] draw it, [`table::table`] and [`map::table`]
//! say the same in cells. Pictures hold no style and no script, so that they stand in a page under a strict policy.

pub mod board;
pub mod boundaries;
pub mod build;
pub mod chart;
mod draw;
pub mod load;
pub mod map;
pub mod number;
pub mod png;
pub mod rows;
mod scale;
pub mod table;
pub mod theme;
mod write;

use crate::chart::Chart;
use crate::theme::Theme;

/// The chart as an SVG document, to stand alone or inside a page.
pub fn svg(chart: &Chart, theme: &Theme) -> String {
    draw::draw(chart, theme)
}
