//! Writes SVG elements. Text is escaped here and nowhere else.

use std::fmt::Write;

use crate::theme::{FONT, TEXT, Theme};

/// A picture under way: elements so far, and how far down they reach.
pub struct Sheet {
    pub body: String,
    pub width: f64,
    pub height: f64,
    pub ink: &'static str,
    /// Prefix of ids.
    pub id: String,
}

#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Sheet {
    pub fn new(id: &str, theme: &Theme) -> Self {
        Self { body: String::new(), width: theme.width, height: 0.0, ink: theme.ink(), id: id.to_owned() }
    }

    /// An element without content, or with a title that says what it is.
    pub fn element(&mut self, tag: &str, attributes: &[(&str, &str)], title: Option<&str>) {
        let _ = write!(self.body, "<{tag}");
        for (name, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = write!(self.body, " {name}=\"{}\"", escape(value));
        }
        match title {
            Some(title) => {
                let _ = write!(self.body, "><title>{}</title></{tag}>", escape(title));
            }
            None => self.body.push_str("/>"),
        }
    }

    pub fn open(&mut self, attributes: &[(&str, &str)]) {
        self.body.push_str("<g");
        for (name, value) in attributes {
            let _ = write!(self.body, " {name}=\"{}\"", escape(value));
        }
        self.body.push('>');
    }

    pub fn close(&mut self) {
        self.body.push_str("</g>");
    }

    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, text: &str) {
        self.text_with(x, y, anchor, text, &[]);
    }

    pub fn text_with(&mut self, x: f64, y: f64, anchor: Anchor, text: &str, more: &[(&str, &str)]) {
        let _ = write!(self.body, "<text x=\"{}\" y=\"{}\"", n(x), n(y));
        match anchor {
            Anchor::Start => {}
            Anchor::Middle => self.body.push_str(" text-anchor=\"middle\""),
            Anchor::End => self.body.push_str(" text-anchor=\"end\""),
        }
        for (name, value) in more {
            let _ = write!(self.body, " {name}=\"{}\"", escape(value));
        }
        let _ = write!(self.body, ">{}</text>", escape(text));
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, more: &[(&str, &str)]) {
        let (x1, y1, x2, y2) = (n(from.0), n(from.1), n(to.0), n(to.1));
        let mut attributes = vec![("x1", x1.as_str()), ("y1", &y1), ("x2", &x2), ("y2", &y2), ("stroke", stroke)];
        attributes.extend_from_slice(more);
        self.element("line", &attributes, None);
    }

    /// The whole document. `title` and `description` are what assistive technology says of it.
    pub fn finish(self, title: &str, description: &str, theme: &Theme) -> String {
        let Self { body, width, height, ink, id } = self;
        let (w, h) = (n(width), n(height));
        let (title, description) = (escape(title), escape(description));
        let ground = if theme.standalone { format!("<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>") } else { String::new() };
        let namespace = if theme.standalone { format!(" xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\"") } else { String::new() };
        format!(
            "<svg{namespace} viewBox=\"0 0 {w} {h}\" class=\"siss-chart\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" font-family=\"{FONT}\" \
             font-size=\"{TEXT}\" fill=\"{ink}\"><title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{description}</desc>{ground}{body}</svg>"
        )
    }
}

/// A coordinate: a tenth is finer than the eye.
pub fn n(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    // Minus zero.
    format!("{}", if tenths == 0.0 { 0.0 } else { tenths })
}

pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // No XML document may hold these, however written.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

/// About how wide a text is: fonts differ, so generously.
pub fn wide(text: &str) -> f64 {
    let em = |c: char| match c {
        'i' | 'l' | 'j' | 'I' | '.' | ',' | '\'' | ':' | ';' | '|' | '!' | ' ' | '\u{a0}' => 0.34,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.92,
        c if c.is_uppercase() => 0.7,
        '0'..='9' => 0.64,
        _ => 0.59,
    };
    text.chars().map(em).sum::<f64>() * TEXT
}

/// The text, cut with an ellipsis where it is wider than `room`.
pub fn fit(text: &str, room: f64) -> String {
    if wide(text) <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if wide(&short) + TEXT > room {
            break;
        }
    }
    short.pop();
    format!("{}…", short.trim_end())
}
