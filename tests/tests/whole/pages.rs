//! README and the pages in docs/: their links have targets, and the options in their commands exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use testkit::{Program, root};

fn pages() -> Vec<PathBuf> {
    let inside = |folder: &str| {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|e| e == "md")).collect::<Vec<_>>()
    };
    [inside("."), inside("docs"), inside("benches"), inside("samples")].concat()
}

fn text(page: &Path) -> String {
    std::fs::read_to_string(page).unwrap()
}

/// The targets of `[words](target)` and `![words](target)`.
fn links(text: &str) -> Vec<&str> {
    let behind = text.split("](").skip(1);
    behind.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// The anchors of headings in links: lower case, words joined by `-`.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches(['#', ' ']));
    let kept = |c: char| match c {
        ' ' | '-' => Some('-'),
        _ => (c.is_alphanumeric() || c == '_').then_some(c),
    };
    headings.map(|heading| heading.to_lowercase().chars().filter_map(kept).collect()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let words = text(&page);
        for link in links(&words).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let there = target.exists() && (anchor.is_empty() || anchors(&text(&target)).contains(anchor));
            if !there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The options of `program` in a line, up to the next command.
fn options<'a>(line: &'a str, program: &str) -> Vec<&'a str> {
    let Some((_, rest)) = line.split_once(&format!("{program} ")) else { return Vec::new() };
    let rest = rest.split(['|', '#', '&', ')', '`']).next().unwrap_or_default();
    let words = rest.split_whitespace().map(|word| word.split('=').next().unwrap_or_default());
    words.filter(|word| word.starts_with("--") && word.len() > 2).collect()
}

#[test]
fn every_option_in_a_command_exists() {
    for program in ["vidprod", "vidcons", "vidchat", "vidtopic", "vidbroker"] {
        let named = || match program {
            "vidprod" => Program::vidprod(),
            "vidcons" => Program::vidcons(),
            "vidchat" => Program::vidchat(),
            "vidtopic" => Program::vidtopic(),
            _ => Program::vidbroker(),
        };
        let commands: &[&str] = match program {
            "vidtopic" => &["", "list", "create", "describe", "alter", "delete", "sources", "limits"],
            _ => &[""],
        };
        let help = |command: &&str| {
            let command = Some(command).filter(|command| !command.is_empty());
            named().args(command).arg("--help").run().ok().text()
        };
        let help: String = commands.iter().map(help).collect();
        let known: BTreeSet<&str> = help
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| word.starts_with("--"))
            .collect();
        for page in pages() {
            let words = text(&page);
            let used = words.lines().flat_map(|line| options(line, program));
            let unknown: Vec<&str> = used.filter(|option| !known.contains(option)).collect();
            assert!(unknown.is_empty(), "{}: {program} has no {unknown:?}", page.display());
        }
    }
}

/// README must be short enough to be read as a whole, and the map to be seen at a glance.
#[test]
fn readme_and_the_map_are_short() {
    for (page, lines_max) in [("README.md", 200), ("ARCHITECTURE.md", 150)] {
        let lines = text(&root().join(page)).lines().count();
        assert!(lines <= lines_max, "{page} has {lines} lines, more than {lines_max}");
    }
}
