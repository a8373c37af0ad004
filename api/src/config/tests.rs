use clap::{CommandFactory, FromArgMatches, Parser};

use super::*;

#[derive(Parser, Debug)]
struct Line {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    limits: QueryLimits,
    #[command(flatten)]
    listen: Listen,
}

fn parse(arguments: &[&str]) -> Result<Line, String> {
    let arguments: Vec<_> = std::iter::once("siss").chain(arguments.iter().copied()).map(Into::into).collect();
    let command = apply_file(Line::command(), &arguments, None)?;
    let matches = command.try_get_matches_from(arguments).map_err(|e| e.to_string())?;
    Line::from_arg_matches(&matches).map_err(|e| e.to_string())
}

fn file(text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("siss.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_string();
    (dir, path)
}

#[test]
fn flag_goes_before_file_and_file_before_default() {
    let (_dir, path) = file("http = \"127.0.0.1:9000\"\nquery-time = 5\nqueue = 7\ns3-allow-http = true\n");
    let line = parse(&["--config", &path, "--queue", "9"]).unwrap();
    assert_eq!(line.listen.http.port(), 9000);
    assert_eq!(line.limits.query_time, 5.0);
    assert_eq!(line.limits.queue, 9);
    assert!(line.data.s3_allow_http);
    assert_eq!(line.limits.query_memory, 768);
}

#[test]
fn a_key_that_is_no_flag_is_an_error() {
    let (_dir, path) = file("htpt = \"127.0.0.1:9000\"\n");
    assert!(parse(&["--config", &path]).unwrap_err().contains("'htpt' is not an option"));
    let (_dir, path) = file("config = \"x\"\n");
    assert!(parse(&["--config", &path]).is_err());
}

#[test]
fn a_value_of_the_file_is_checked_as_a_flag_is() {
    let (_dir, path) = file("http = \"nowhere\"\n");
    assert!(parse(&["--config", &path]).unwrap_err().contains("nowhere"));
    let (_dir, path) = file("http = { a = 1 }\n");
    assert!(parse(&["--config", &path]).unwrap_err().contains("'http' must be"));
}

#[test]
fn home_is_the_data_folder_unless_data_is_elsewhere() {
    let line = parse(&["--data", "/srv/siss"]).unwrap();
    assert_eq!(line.data.home().unwrap(), Path::new("/srv/siss"));
    assert_eq!(line.data.state().unwrap(), "sqlite:///srv/siss/state/siss.db");
    let line = parse(&["--data", "file:///srv/a%20b"]).unwrap();
    assert_eq!(line.data.home().unwrap(), Path::new("/srv/a b"));
    let line = parse(&["--data", "s3://bucket/prefix"]).unwrap();
    assert!(line.data.home().is_err());
    let line = parse(&["--data", "s3://bucket/prefix", "--home", "/srv/home"]).unwrap();
    assert_eq!(line.data.home().unwrap(), Path::new("/srv/home"));
}

#[test]
fn loopback_is_told_from_other_addresses() {
    assert!(is_loopback("127.0.0.1".parse().unwrap()));
    assert!(is_loopback("::1".parse().unwrap()));
    assert!(is_loopback("::ffff:127.0.0.1".parse().unwrap()));
    assert!(!is_loopback("0.0.0.0".parse().unwrap()));
    assert!(!is_loopback("10.0.0.1".parse().unwrap()));
}
