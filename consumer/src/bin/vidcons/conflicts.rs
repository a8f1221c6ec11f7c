//! Options that exclude each other, or certain values of other options, which clap cannot check.

use cli::output::Output;

use crate::args::Cli;

/// Refuses options that exclude each other.
pub fn check(cli: &Cli) -> Result<(), String> {
    if let [one, other, ..] = writers_to_stdout(cli)[..] {
        return Err(format!("{one} and {other} both write to standard output: send one to a file"));
    }
    check_group(cli)?;
    cli.access.check_needed(cli.http, "--http 8080")?;
    reports::check_distinct(&cli.report_files())?;
    cli.kafka.check()
}

/// The options that write to standard output, of which at most one is allowed.
fn writers_to_stdout(cli: &Cli) -> Vec<&'static str> {
    let stdout = |output: &Option<Output>| *output == Some(Output::Stdout);
    [
        (cli.print || cli.format.is_some(), "--print"),
        (stdout(&cli.output), "--output -"),
        (cli.reports.to_stdout(), "--report -"),
        (cli.list, "--list"),
    ]
    .into_iter()
    .filter_map(|(on, name)| on.then_some(name))
    .collect()
}

fn check_group(cli: &Cli) -> Result<(), String> {
    let Some(group) = &cli.group else { return Ok(()) };
    if !cli.offset.suits_a_group() {
        return Err("a group goes on where it left off: with -g, -o may be beginning, end or newest".to_owned());
    }
    match cli.kafka.properties.iter().find(|(name, _)| name == "group.id") {
        Some((_, id)) if id != group => {
            Err(format!("-g {group} and -X group.id={id} name two groups: omit one of them"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parse(args: &[&str]) -> Cli {
        Cli::try_parse_from([&["vidcons"], args].concat()).expect("it parses")
    }

    #[test]
    fn two_users_of_standard_output_are_seen() {
        let check = |args: &[&str], names: &[&str]| assert_eq!(writers_to_stdout(&parse(args)), names);
        check(&["--print", "--report", "r.json"], &["--print"]);
        check(&["--print", "--output", "-"], &["--print", "--output -"]);
        check(&["--report", "-", "--output", "-"], &["--output -", "--report -"]);
    }

    #[test]
    fn a_group_has_one_name_and_its_own_offsets() {
        let check = |args: &[&str], expected: Option<&str>| {
            let error = check(&parse(args)).err();
            assert!(error.as_deref().unwrap_or_default().contains(expected.unwrap_or_default()), "{args:?}: {error:?}");
            assert_eq!(error.is_some(), expected.is_some(), "{args:?}");
        };
        check(&["-g", "a", "-o", "beginning"], None);
        check(&["-g", "a", "-o", "5"], Some("a group goes on where it left off"));
        check(&["-g", "a", "-o", "s@-10m"], Some("a group goes on where it left off"));
        check(&["-g", "a", "-X", "group.id=a"], None);
        check(&["-g", "a", "-X", "group.id=b"], Some("name two groups"));
        check(&["--histogram", "a.hgrm", "--report", "./a.hgrm"], Some("two reports go to"));
    }
}
