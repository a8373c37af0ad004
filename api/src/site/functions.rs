//! What templates call: addresses of static files, icons, and links that keep the language of the page.

use std::sync::Arc;

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, State};

use super::assets::Assets;

/// Style sheets of every page, in their order.
const STYLES: [&str; 2] = ["bootstrap-italia.css", "siss.css"];
/// Fonts that the first screen of every page needs: asked for with the page instead of after its style sheet.
const FONTS: [&str; 3] = ["titillium-regular.woff2", "titillium-600.woff2", "titillium-700.woff2"];

pub fn add(pages: &mut Environment<'static>, assets: &Arc<Assets>) {
    let there = |names: &[&str]| Value::from(names.iter().filter_map(|name| assets.address(name)).collect::<Vec<_>>());
    pages.add_global("styles", there(&STYLES));
    pages.add_global("fonts", there(&FONTS));
    let known = assets.clone();
    pages.add_function("asset", move |name: String| {
        known.address(&name).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no file '{name}' under static/")))
    });
    let sprites = assets.clone();
    pages.add_function("icon", move |name: String, class: Option<String>| icon(&sprites, &name, class.as_deref().unwrap_or_default()));
    pages.add_function("link", |state: &State, path: String| link(state, &path));
}

/// An icon of Bootstrap Italia, written into the page: no request of its own. It is decoration: the words beside it say what it means.
fn icon(assets: &Assets, name: &str, class: &str) -> Result<Value, Error> {
    if assets.icons.is_empty() {
        return Ok(Value::from(""));
    }
    let Some(drawing) = assets.icons.get(name) else {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("no icon '{name}' in Bootstrap Italia")));
    };
    if !class.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b' ') {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("'{class}' are not names of classes")));
    }
    let space = if class.is_empty() { "" } else { " " };
    Ok(Value::from_safe_string(format!(r#"<svg class="icon{space}{class}" aria-hidden="true" viewBox="{}">{}</svg>"#, drawing.view, drawing.shapes)))
}

/// An address of ours that stays in the language which the reader chose; who chose none goes on with the browser's.
fn link(state: &State, path: &str) -> String {
    let chosen = state.lookup("frame").and_then(|frame| frame.get_attr("chosen").ok()).filter(|chosen| !chosen.is_none());
    let Some(chosen) = chosen else { return path.to_owned() };
    let (path, mark) = path.split_once('#').map_or((path, String::new()), |(path, mark)| (path, format!("#{mark}")));
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}lang={chosen}{mark}")
}
