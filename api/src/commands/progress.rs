//! Progress of long work, on a terminal only: indicatif draws nothing elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Counts what has no known end, such as the rows of a file.
pub fn counting(what: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.to_string());
    bar.set_style(style("{spinner} {msg} {human_pos} ({per_sec})"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Goes from nothing to `all`.
pub fn upto(all: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::new(all).with_message(what.to_string());
    bar.set_style(style("{msg} {wide_bar} {human_pos}/{human_len} {eta}"));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
