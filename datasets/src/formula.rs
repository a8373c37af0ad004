//! Texts that a spreadsheet would run: whatever writes CSV for people asks here.

/// Whether a spreadsheet would take the text for a formula: OWASP ASVS 1.2.10, with the full-width forms that some normalise.
pub fn runs_as_formula(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n' | 0) => true,
        Some(0xEF) => text.starts_with(['＝', '＋', '－', '＠']),
        _ => false,
    }
}
