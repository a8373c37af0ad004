//! A receipt as PDF: number, time, hash, and everything that was sent, in words. Text in the fonts that every reader has.

use lopdf::content::{Content, Operation};
use lopdf::{Document, Object, Stream, StringFormat, dictionary};
use warehouse::error::{Error, Result};

/// Points: an A4 page, its margin, sizes and steps of lines.
const PAGE: (i64, i64) = (595, 842);
const MARGIN: f32 = 56.0;
const SIZE: f32 = 10.0;
const HEADING: f32 = 15.0;
const LEAD: f32 = 14.0;

/// One line of a receipt.
pub enum Line {
    Heading(String),
    Section(String),
    /// A label and what was said.
    Field(String, String),
    Text(String),
}

/// The document. `title` and `language` (`it`, `en`) are said to readers and screen readers.
pub fn pdf(title: &str, language: &str, lines: &[Line]) -> Result<Vec<u8>> {
    let mut pages = vec![Vec::new()];
    let mut y = PAGE.1 as f32 - MARGIN;
    for line in lines {
        let (font, size, texts) = match line {
            Line::Heading(text) => ("F2", HEADING, wrap(text, HEADING, 0.0)),
            Line::Section(text) => ("F2", 11.0, wrap(text, 11.0, 0.0)),
            Line::Text(text) => ("F1", SIZE, wrap(text, SIZE, 0.0)),
            Line::Field(label, value) => {
                y -= 3.0;
                put(&mut pages, &mut y, "F2", 8.5, &wrap(label, 8.5, 0.0));
                ("F1", SIZE, wrap(value, SIZE, 0.0))
            }
        };
        if matches!(line, Line::Heading(_) | Line::Section(_)) {
            y -= 8.0;
        }
        put(&mut pages, &mut y, font, size, &texts);
    }
    build(title, language, pages).map_err(|e| Error::internal("receipt.pdf", e))
}

fn put(pages: &mut Vec<Vec<Operation>>, y: &mut f32, font: &str, size: f32, texts: &[String]) {
    for text in texts {
        if *y < MARGIN {
            pages.push(Vec::new());
            *y = PAGE.1 as f32 - MARGIN;
        }
        let Some(page) = pages.last_mut() else { return };
        page.push(Operation::new("BT", vec![]));
        page.push(Operation::new("Tf", vec![font.into(), size.into()]));
        page.push(Operation::new("Td", vec![MARGIN.into(), (*y).into()]));
        page.push(Operation::new("Tj", vec![Object::String(latin(text), StringFormat::Literal)]));
        page.push(Operation::new("ET", vec![]));
        *y -= size.max(SIZE) * LEAD / SIZE;
    }
}

fn build(title: &str, language: &str, pages: Vec<Vec<Operation>>) -> std::result::Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut document = Document::with_version("1.7");
    let parent = document.new_object_id();
    let font = |name: &str| dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => name, "Encoding" => "WinAnsiEncoding" };
    let (plain, bold) = (document.add_object(font("Helvetica")), document.add_object(font("Helvetica-Bold")));
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => plain, "F2" => bold } });
    let mut kids: Vec<Object> = Vec::new();
    for operations in pages {
        let content = document.add_object(Stream::new(dictionary! {}, Content { operations }.encode()?));
        kids.push(document.add_object(dictionary! { "Type" => "Page", "Parent" => parent, "Contents" => content }).into());
    }
    let count = kids.len() as i64;
    let media: Vec<Object> = vec![0.into(), 0.into(), PAGE.0.into(), PAGE.1.into()];
    document
        .objects
        .insert(parent, Object::Dictionary(dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count, "Resources" => resources, "MediaBox" => media }));
    let viewer = dictionary! { "DisplayDocTitle" => true };
    let root = document.add_object(dictionary! {
        "Type" => "Catalog", "Pages" => parent, "Lang" => Object::String(language.as_bytes().to_vec(), StringFormat::Literal), "ViewerPreferences" => viewer,
    });
    let info = document.add_object(dictionary! { "Title" => Object::String(utf16(title), StringFormat::Hexadecimal) });
    document.trailer.set("Root", root);
    document.trailer.set("Info", info);
    document.compress();
    let mut bytes = Vec::new();
    document.save_to(&mut bytes)?;
    Ok(bytes)
}

/// Lines no wider than the page. Widths are those of Helvetica, taken a little too wide where a letter is not known.
fn wrap(text: &str, size: f32, indent: f32) -> Vec<String> {
    let most = PAGE.0 as f32 - 2.0 * MARGIN - indent;
    let width = |text: &str| text.chars().map(letter).sum::<f32>() * size / 1000.0;
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let mut word = word.to_owned();
            // A word wider than the page, such as a hash, is cut where the page ends.
            while width(&word) > most {
                let cut = (1..=word.chars().count()).rev().find(|n| width(&word.chars().take(*n).collect::<String>()) <= most).unwrap_or(1);
                lines.extend(Some(std::mem::take(&mut line)).filter(|line| !line.is_empty()));
                lines.push(word.chars().take(cut).collect());
                word = word.chars().skip(cut).collect();
            }
            let joined = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if width(&joined) > most {
                lines.push(std::mem::replace(&mut line, word));
            } else {
                line = joined;
            }
        }
        lines.push(line);
    }
    if lines.is_empty() { vec![String::new()] } else { lines }
}

/// Width of a letter in thousandths of the size (Adobe's metrics of Helvetica-Bold, the wider of the two).
fn letter(letter: char) -> f32 {
    match letter {
        'i' | 'l' | 'I' | '.' | ',' | ' ' | '\'' | ':' | ';' | '|' | '!' | '/' => 333.0,
        'f' | 't' | 'r' | 'j' | '(' | ')' | '-' | '[' | ']' => 389.0,
        'm' | 'M' | 'W' | '@' | '%' => 950.0,
        'w' | 'O' | 'Q' | 'G' | 'C' | 'D' | 'H' | 'N' | 'R' | 'U' | 'A' | 'B' | 'K' | 'X' | 'V' | 'Y' | '&' => 778.0,
        _ => 611.0,
    }
}

/// As WinAnsi has it; what it has not becomes a question mark.
fn latin(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.iter().copied().filter(|b| *b >= 32).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    [0xFE, 0xFF].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_was_sent_stands_in_the_document() {
        let long = "parola ".repeat(2_000);
        let hash = "0123456789abcdef".repeat(16);
        let lines = [Line::Heading("Ricevuta".into()), Line::Field("Perché".into(), "così è".into()), Line::Text(long), Line::Text(hash.clone())];
        let bytes = pdf("Ricevuta", "it", &lines).unwrap();
        let document = Document::load_mem(&bytes).unwrap();
        let pages: Vec<u32> = document.get_pages().keys().copied().collect();
        assert!(pages.len() > 1);
        let text = document.extract_text(&pages).unwrap();
        assert!(text.contains("così è") && text.contains("Perché"), "{}", &text[..200]);
        assert_eq!(text.matches("parola").count(), 2_000);
        assert!(text.replace('\n', "").contains(&hash));
    }
}
