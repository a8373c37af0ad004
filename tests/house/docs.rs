//! The documents name what exists: every subcommand and option they show is there, and every one that is there is documented.

use std::collections::BTreeSet;
use std::path::Path;

use api::commands::Cli;
use clap::{Arg, Command, CommandFactory};
use datasets::catalog::Catalog;
use datasets::derive::book;
use regex::Regex;
use tests::{read, root};

const DOCUMENTS: [&str; 6] = ["README.md", "docs/ARCHITECTURE.md", "docs/CONTRIBUTING.md", "docs/OPERATIONS.md", "docs/DIZIONARIO.md", "docs/QUESTIONS.md"];

/// All subcommands, and theirs.
fn commands(command: &Command) -> Vec<Command> {
    let mut all = Vec::new();
    for sub in command.get_subcommands() {
        all.push(sub.clone());
        all.extend(commands(sub));
    }
    all
}

fn cli() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

fn options() -> Vec<Arg> {
    let command = cli();
    let all = commands(&command);
    let visible = all.iter().filter(|sub| !sub.is_hide_set());
    visible.flat_map(|sub| sub.get_arguments().cloned().collect::<Vec<_>>()).filter(|arg| arg.get_long().is_some() && !arg.is_hide_set()).collect()
}

#[test]
fn what_documents_show_exists() {
    let names: BTreeSet<String> = cli().get_subcommands().map(|sub| sub.get_name().to_string()).collect();
    let flags: BTreeSet<String> = options().iter().filter_map(|arg| arg.get_long().map(String::from)).collect();
    let (subcommand, flag) = (Regex::new(r"`siss ([a-z]+)|^\s*(?:\$ )?siss ([a-z]+)").unwrap(), Regex::new(r"(?:^|[\s`(\[])--([a-z][a-z0-9-]+)").unwrap());
    for document in DOCUMENTS {
        for line in read(document).lines() {
            for found in subcommand.captures_iter(line) {
                let name = found.get(1).or(found.get(2)).map_or("", |m| m.as_str());
                assert!(names.contains(name), "{document} shows `siss {name}`");
            }
            // Other programs' options stand on lines that name them.
            let other = ["cargo ", "psql ", "pip ", "git ", "apt", "curl ", "openssl ", "make "].iter().any(|program| line.contains(program));
            for found in flag.captures_iter(line).filter(|_| !other) {
                assert!(flags.contains(&found[1]), "{document} shows --{}", &found[1]);
            }
        }
    }
}

#[test]
fn every_option_is_documented() {
    let (operations, readme) = (read("docs/OPERATIONS.md"), read("README.md"));
    for sub in cli().get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        assert!(readme.contains(&format!("siss {}", sub.get_name())), "README.md does not show siss {}", sub.get_name());
    }
    for option in options() {
        let name = option.get_long().unwrap_or_default();
        if ["help", "version"].contains(&name) {
            continue;
        }
        assert!(option.get_help().is_some(), "--{name} has no help");
        assert!(operations.contains(&format!("--{name}")), "docs/OPERATIONS.md does not show --{name}");
        if let Some(variable) = option.get_env().and_then(|v| v.to_str()) {
            assert!(operations.contains(variable), "docs/OPERATIONS.md does not show {variable}");
        }
    }
}

#[test]
fn targets_of_make_exist() {
    let makefile = read("Makefile");
    let named = Regex::new(r"`make ([a-z]+)").unwrap();
    for document in DOCUMENTS {
        for target in named.captures_iter(&read(document)) {
            assert!(makefile.contains(&format!("\n{}:", &target[1])), "{document} shows make {}", &target[1]);
        }
    }
}

#[test]
fn links_between_documents_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").unwrap();
    for document in DOCUMENTS {
        let folder = root().join(document).parent().unwrap().to_path_buf();
        for found in link.captures_iter(&read(document)) {
            assert!(folder.join(&found[1]).exists(), "{document} links to {}", &found[1]);
        }
    }
}

/// The contract that CONTRIBUTING shows loads beside the real ones, and granting nothing to strangers it stays hidden from them.
#[test]
fn the_worked_example_is_a_contract() {
    let text = read("docs/CONTRIBUTING.md");
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the example");
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("datasets"), folder.path());
    std::fs::write(folder.path().join("assa/rette.toml"), example).unwrap();
    let catalog = Catalog::load(folder.path()).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    assert!(catalog.get(&"assa.rette".parse().unwrap()).is_some());
    assert!(catalog.visible("anonimo").all(|(contract, _)| contract.name.to_string() != "assa.rette"));
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// `docs/DIZIONARIO.md` and the pages beside it say what the contracts say.
#[test]
fn the_dictionary_is_current() {
    let catalog = Catalog::load(&root().join("datasets")).unwrap_or_else(|mistakes| panic!("{mistakes:?}"));
    let pages = book::book(&catalog);
    for (page, text) in &pages {
        let written = std::fs::read_to_string(root().join("docs").join(page)).unwrap_or_default();
        let differs = text.lines().zip(written.lines().chain(std::iter::repeat(""))).find(|(now, then)| now != then);
        assert!(written == *text, "docs/{page} is not what the contracts say: `make doc` writes it anew. First difference: {differs:?}");
    }
    let there: BTreeSet<String> = std::fs::read_dir(root().join("docs").join(book::FOLDER))
        .unwrap()
        .flatten()
        .map(|entry| format!("{}/{}", book::FOLDER, entry.file_name().to_string_lossy()))
        .collect();
    let wanted: BTreeSet<String> = pages.into_keys().filter(|page| page != book::INDEX).collect();
    assert_eq!(there, wanted, "`make doc` writes the dictionary anew");
}
