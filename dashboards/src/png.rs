//! A picture as PNG, drawn with the fonts of the machine.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Family, Query};
use resvg::usvg::{Options, Tree};

/// Widest picture, in pixels.
pub const WIDEST: u32 = 3000;

/// Draws a picture `width` pixels wide, on white. `svg` is one for a file, see [`crate::theme::Theme::file`].
/// Errors: a sentence for whoever runs the service; a machine without a font draws no text, and so nothing.
pub fn png(svg: &str, width: u32) -> Result<Vec<u8>, String> {
    let (fonts, family) = fonts().ok_or("no font is installed on this machine: install fonts-dejavu-core (scripts/setup.sh does)")?;
    let options = Options { fontdb: fonts, font_family: family, ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|e| format!("the picture cannot be read: {e}"))?;
    let scale = width.clamp(1, WIDEST) as f32 / tree.size().width();
    let height = (tree.size().height() * scale).ceil() as u32;
    let mut pixmap = Pixmap::new(width.clamp(1, WIDEST), height.max(1)).ok_or("the picture has no size")?;
    pixmap.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|e| format!("the picture cannot be encoded: {e}"))
}

/// The fonts of the machine, read once, and the family to fall back on.
fn fonts() -> Option<(Arc<Database>, String)> {
    static FONTS: OnceLock<Option<(Arc<Database>, String)>> = OnceLock::new();
    let read = || {
        let mut database = Database::new();
        database.load_system_fonts();
        let wanted = ["Titillium Web", "DejaVu Sans", "Liberation Sans", "Noto Sans"];
        let known = |name: &&str| database.query(&Query { families: &[Family::Name(name)], ..Query::default() }).is_some();
        let named = wanted.into_iter().find(known).map(str::to_owned);
        let family = named.or_else(|| database.faces().next().and_then(|face| Some(face.families.first()?.0.clone())))?;
        database.set_sans_serif_family(&family);
        Some((Arc::new(database), family))
    };
    FONTS.get_or_init(read).clone()
}
