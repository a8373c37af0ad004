//! Static files, held in memory: plain and compressed, each under an address that changes with its content and never grows old.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use regex::Regex;
use sha2::{Digest, Sha256};

use super::prune;

/// All files that pages may ask for, by name.
#[derive(Default)]
pub struct Assets {
    files: BTreeMap<String, File>,
    /// Icons of Bootstrap Italia by name; none when it is not installed.
    pub icons: BTreeMap<String, Icon>,
}

struct File {
    /// First 16 digits of the SHA-256 of what is served.
    hash: String,
    media: &'static str,
    plain: Bytes,
    /// Only where it is smaller.
    gzip: Option<Bytes>,
}

pub struct Icon {
    pub view: String,
    pub shapes: String,
}

const MEDIA: [(&str, &str); 7] = [
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml; charset=utf-8"),
    ("png", "image/png"),
    ("ico", "image/x-icon"),
    ("woff2", "font/woff2"),
    ("webmanifest", "application/manifest+json"),
];

impl Assets {
    /// Files of `dir` itself, and those of npm packages that its `files.toml` names. A package that is not installed is a warning.
    /// Style sheets of packages keep the rules that `pages` and our scripts use.
    pub fn load(dir: &Path, pages: &[&str]) -> anyhow::Result<Self> {
        let mut found: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.is_file() && media(name).is_some() {
                found.insert(name.into(), std::fs::read(&path).with_context(|| path.display().to_string())?);
            }
        }
        let list = dir.join("files.toml");
        let text = std::fs::read_to_string(&list).with_context(|| list.display().to_string())?;
        let packaged: BTreeMap<String, String> = toml::from_str(&text).with_context(|| list.display().to_string())?;
        let (mut missing, mut sheets) = (Vec::new(), Vec::new());
        for (name, path) in packaged {
            if media(&name).is_none() || found.contains_key(&name) {
                bail!("{}: '{name}' is of no known kind, or there is a file of that name", list.display());
            }
            match std::fs::read(dir.join("node_modules").join(&path)) {
                Ok(bytes) => {
                    sheets.extend(name.ends_with(".css").then(|| name.clone()));
                    found.insert(name, bytes);
                }
                Err(_) => missing.push(path),
            }
        }
        if !missing.is_empty() {
            tracing::warn!(?missing, "npm packages of the site are not installed: pages are plain; `scripts/setup.sh demo` installs them");
        }
        let scripts: Vec<String> = found.iter().filter(|(name, _)| name.ends_with(".js")).map(|(_, js)| String::from_utf8_lossy(js).into_owned()).collect();
        let words = prune::words(pages.iter().copied().chain(scripts.iter().map(String::as_str)));
        for name in sheets {
            if let Some(css) = found.get_mut(&name) {
                *css = prune::prune(String::from_utf8_lossy(css).trim_start_matches('\u{feff}'), &words).into_bytes();
            }
        }
        let icons = found.get("sprites.svg").map(|svg| icons(&String::from_utf8_lossy(svg))).transpose()?.unwrap_or_default();
        Self::of(found, icons)
    }

    /// Style sheets are finished last, because they hold the addresses of the files they use.
    fn of(found: BTreeMap<String, Vec<u8>>, icons: BTreeMap<String, Icon>) -> anyhow::Result<Self> {
        let mut assets = Self { files: BTreeMap::new(), icons };
        let (sheets, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(name, _)| name.ends_with(".css"));
        for (name, bytes) in others {
            assets.add(name, bytes)?;
        }
        let uses = Regex::new(r#"url\("([A-Za-z0-9_.-]+)"\)"#)?;
        for (name, bytes) in sheets {
            let text = String::from_utf8(bytes).with_context(|| format!("{name} is not UTF-8"))?;
            // A file that is not installed keeps its bare name: the browser asks in vain and goes on without it.
            let text =
                uses.replace_all(&text, |found: &regex::Captures| format!("url(\"{}\")", assets.address(&found[1]).unwrap_or_else(|| found[1].to_owned())));
            let bytes = text.into_owned().into_bytes();
            assets.add(name, bytes)?;
        }
        Ok(assets)
    }

    fn add(&mut self, name: String, bytes: Vec<u8>) -> anyhow::Result<()> {
        let media = media(&name).with_context(|| format!("{name}: unknown kind of file"))?;
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(&bytes)?;
        let packed = packer.finish()?;
        let gzip = (packed.len() < bytes.len() * 9 / 10).then(|| Bytes::from(packed));
        let hash = hex::encode(&Sha256::digest(&bytes)[..8]);
        self.files.insert(name, File { hash, media, plain: bytes.into(), gzip });
        Ok(())
    }

    /// Where a file is served.
    pub fn address(&self, name: &str) -> Option<String> {
        self.files.get(name).map(|file| format!("/static/{}/{name}", file.hash))
    }

    /// Where each file is served.
    pub fn addresses(&self) -> Vec<String> {
        self.files.keys().filter_map(|name| self.address(name)).collect()
    }

    /// The answer for `/static/{hash}/{name}`. An older page may ask by an older hash: it is shown the way to what is there.
    pub fn answer(&self, hash: &str, name: &str, asked: &HeaderMap) -> Option<Response> {
        let file = self.files.get(name)?;
        if file.hash != hash {
            let now = self.address(name)?;
            return Some((StatusCode::FOUND, [(header::LOCATION, now)]).into_response());
        }
        let takes_gzip = asked.get_all(header::ACCEPT_ENCODING).iter().any(|v| v.to_str().is_ok_and(accepts_gzip));
        let packed = file.gzip.as_ref().filter(|_| takes_gzip);
        let mut response = packed.unwrap_or(&file.plain).clone().into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if packed.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Some(response)
    }
}

fn media(name: &str) -> Option<&'static str> {
    let (_, extension) = name.rsplit_once('.')?;
    MEDIA.iter().find(|(known, _)| *known == extension).map(|(_, media)| *media)
}

fn accepts_gzip(list: &str) -> bool {
    list.split(',')
        .map(|one| one.trim().replace(' ', ""))
        .any(|one| one == "gzip" || (one.starts_with("gzip;q=") && !matches!(&one[7..], "0" | "0.0" | "0.00" | "0.000")))
}

/// The symbols of a sprite.
fn icons(svg: &str) -> anyhow::Result<BTreeMap<String, Icon>> {
    let symbol = Regex::new(r#"(?s)<symbol id="([^"]+)" viewBox="([^"]+)">(.*?)</symbol>"#)?;
    Ok(symbol.captures_iter(svg).map(|found| (found[1].to_owned(), Icon { view: found[2].to_owned(), shapes: found[3].to_owned() })).collect())
}
