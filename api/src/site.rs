//! The site: templates, words of both languages and static files, read from a folder at start. Pages change without a build.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::response::{Html, IntoResponse, Response};
use http::header;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::doors::http::pages::Frame;
use crate::doors::http::problem::{Problem, Result};

pub mod assets;
pub mod filters;
mod functions;
mod prune;
pub mod words;

use assets::Assets;
use words::{Language, Words};

/// Cheap to clone; the same for every request until the server ends.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    pages: Environment<'static>,
    italian: Words,
    english: Words,
    assets: Arc<Assets>,
    /// Of everything pages are made of.
    fingerprint: [u8; 32],
}

impl Site {
    /// The folder with `templates/`, `locales/` and `static/`: `explicit`, else `api` here or above, or above the program.
    pub fn find_dir(explicit: Option<&Path>) -> anyhow::Result<PathBuf> {
        let holds = |dir: &Path| dir.join("templates").join("base.html").is_file();
        if let Some(dir) = explicit {
            if !holds(dir) {
                bail!("no templates/base.html in {}", dir.display());
            }
            return Ok(dir.to_owned());
        }
        let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
        let mut above = starts.iter().flatten().flat_map(|start| start.ancestors()).map(|dir| dir.join("api"));
        above.find(|dir| holds(dir)).context("no folder 'api' with templates/base.html here or above: name it with --site")
    }

    /// Reads everything under `dir`. A template that does not parse, a word said twice or in one language only is an error that names
    /// the file. Files of npm packages that are not installed are a warning: pages are then plain, and can still be read.
    pub fn load(dir: &Path) -> anyhow::Result<Self> {
        let templates = templates(&dir.join("templates"))?;
        let assets = Arc::new(Assets::load(&dir.join("static"), &templates.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>())?);
        let italian = words::load(&dir.join("locales").join("it"))?;
        let english = words::load(&dir.join("locales").join("en"))?;
        words::same_keys(&italian, &english)?;
        let mut digest = Sha256::new();
        for (name, text) in &templates {
            digest.update(format!("{name}\n{text}"));
        }
        digest.update(format!("{italian:?}{english:?}{:?}", assets.addresses()));
        let mut pages = Environment::new();
        pages.set_undefined_behavior(UndefinedBehavior::Strict);
        pages.set_auto_escape_callback(|_| AutoEscape::Html);
        filters::add(&mut pages);
        functions::add(&mut pages, &assets);
        for (name, text) in templates {
            pages.add_template_owned(name.clone(), text).map_err(|e| anyhow::anyhow!("templates/{name}: {e:#}"))?;
        }
        Ok(Self(Arc::new(Inner { pages, italian, english, assets, fingerprint: digest.finalize().into() })))
    }

    pub fn words(&self, language: Language) -> &Words {
        if language == Language::English { &self.0.english } else { &self.0.italian }
    }

    /// Other templates, words or static files have another one.
    pub fn fingerprint(&self) -> &[u8] {
        &self.0.fingerprint
    }

    pub fn assets(&self) -> &Assets {
        &self.0.assets
    }

    /// A page by its template. `values` is a map or struct; `lang`, `t` (the words) and `frame` are there for every page.
    pub fn render(&self, template: &str, frame: &Frame, values: impl Serialize) -> Result<Response> {
        let html = self.html(template, frame, values)?;
        Ok(([(header::CONTENT_LANGUAGE, frame.language.code()), (header::VARY, "accept-language")], Html(html)).into_response())
    }

    /// The text of a page or of a part of one.
    pub fn html(&self, template: &str, frame: &Frame, values: impl Serialize) -> Result<String> {
        let template = self.0.pages.get_template(template).map_err(|e| Problem::internal("site.template", e))?;
        let every = context! {
            lang => frame.language.code(),
            t => Serde(self.words(frame.language)),
            frame => Serde(frame.values()),
        };
        let all = context! { ..Value::from(Serde(values)), ..every };
        template.render(all).map_err(|e| Problem::internal("site.render", format!("{e:#}")))
    }
}

/// Names and texts of `templates/*.html`.
fn templates(dir: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".html")) else { continue };
        found.push((name.to_owned(), std::fs::read_to_string(&path).with_context(|| path.display().to_string())?));
    }
    Ok(found)
}

#[cfg(test)]
pub mod tests;
