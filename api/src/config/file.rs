//! The TOML file: its values become the defaults of the options, so that flag and variable go before it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, Command};

/// Options by which a file is found or a secret of one run is given, which a file cannot set.
const NOT_IN_FILE: [&str; 3] = ["config", "help", "version"];

/// Reads the file that `--config` or `SISS_CONFIG` names, if one does, and puts its values into `command` as defaults.
/// A key that no subcommand has as a long flag is an error.
pub fn apply(command: Command, arguments: &[OsString], variable: Option<OsString>) -> Result<Command, String> {
    let Some(path) = path(arguments).or(variable.filter(|v| !v.is_empty()).map(PathBuf::from)) else { return Ok(command) };
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let table: toml::Table = text.parse().map_err(|e| format!("{}: {e}", path.display()))?;
    let mut command = command;
    for (key, value) in table {
        let values = values(&value).ok_or_else(|| format!("{}: '{key}' must be a text, a number, true, false or a list of these", path.display()))?;
        let mut known = false;
        command = set(command, &key, &values, &mut known);
        if !known {
            return Err(format!("{}: '{key}' is not an option: a key is a long flag such as http or query-time", path.display()));
        }
    }
    Ok(command)
}

/// The path after `--config`, before clap has parsed anything.
fn path(arguments: &[OsString]) -> Option<PathBuf> {
    for (i, argument) in arguments.iter().enumerate() {
        match argument.to_str() {
            Some("--") => return None,
            Some("--config") => return arguments.get(i + 1).map(PathBuf::from),
            Some(text) => {
                if let Some(path) = text.strip_prefix("--config=") {
                    return Some(PathBuf::from(path));
                }
            }
            None => {}
        }
    }
    None
}

fn values(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(yes) => Some(vec![yes.to_string()]),
        toml::Value::Array(items) if !items.iter().any(|item| item.is_array()) => items.iter().map(values).collect::<Option<Vec<_>>>().map(|v| v.concat()),
        _ => None,
    }
}

fn set(command: Command, key: &str, values: &[String], known: &mut bool) -> Command {
    let fits = |arg: &Arg| arg.get_long() == Some(key) && !NOT_IN_FILE.contains(&key);
    *known |= command.get_arguments().any(fits);
    let mut command = command.mut_args(|arg| if fits(&arg) { arg.required(false).default_values(values.to_vec()) } else { arg });
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    for name in names {
        command = command.mut_subcommand(name, |sub| set(sub, key, values, known));
    }
    command
}
