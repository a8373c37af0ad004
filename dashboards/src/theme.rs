//! What pictures look like: palette, patterns, sizes. Each series differs by colour and by pattern, dash or marker, so that neither
//! colour-blind people nor a printer lose it.

/// Colours of series: Okabe and Ito's, darkened until each has a contrast of three to one on white.
pub const SERIES: [&str; 6] = ["#0059b3", "#d55e00", "#00805f", "#a8458f", "#7a6400", "#4d4d4d"];
/// Classes of a map from little to much: ColorBrewer's Blues, whose lightness alone tells them apart.
pub const CLASSES: [&str; 5] = ["#deebf7", "#9ecae1", "#5fa3d0", "#2b74b3", "#08306b"];
/// Dashes of lines, one per series.
pub const DASHES: [&str; 6] = ["", "7 3", "2 3", "9 3 2 3", "5 5", "1 2"];
/// Font of text: as the page's, then what a machine has.
pub const FONT: &str = "Titillium Web, Geneva, Tahoma, DejaVu Sans, sans-serif";
/// Size of text in units of the picture. At the width of a phone a picture of 360 units is drawn at about 0.85.
pub const TEXT: f64 = 12.5;
pub const GREY: &str = "#5c6f82";
pub const GRID: &str = "#d9dfe6";

#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Units of the picture's width. 360 is readable on a phone, 720 across a page.
    pub width: f64,
    /// Has its own white ground and black text: a file. Otherwise text takes the colour of the page around.
    pub standalone: bool,
}

impl Theme {
    /// Within a page, in a column.
    pub fn narrow() -> Self {
        Self { width: 360.0, standalone: false }
    }

    /// Within a page, across it.
    pub fn wide() -> Self {
        Self { width: 720.0, standalone: false }
    }

    /// A file of its own.
    pub fn file() -> Self {
        Self { width: 720.0, standalone: true }
    }

    pub fn ink(&self) -> &'static str {
        if self.standalone { "#17324d" } else { "currentColor" }
    }
}

/// The colour of series `i`.
pub fn color(i: usize) -> &'static str {
    SERIES[i % SERIES.len()]
}

/// The dash of series `i`.
pub fn dash(i: usize) -> &'static str {
    DASHES[i % DASHES.len()]
}
