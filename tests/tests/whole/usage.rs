//! Invalid command lines: the exit code is 2, and one line states what is allowed.

use testkit::Program;

/// A program, its options, and a text that its error must contain.
type Case = (fn() -> Program, &'static [&'static str], &'static str);

const NUMBERS: &[Case] = &[
    (Program::vidprod, &["test", "--speed", "-2"], "between 0.001 and 10000, as in 30 or 29.97, or 'max'"),
    (Program::vidprod, &["test", "--fps", "-30"], "between 0.001 and 10000"),
    (Program::vidprod, &["test", "--retention", "-1m"], "at least 1s"),
    (Program::vidprod, &["test", "--timeout", "-5s"], "a time cannot be negative"),
    (Program::vidprod, &["test", "--timeout", "99999999999999"], "a time is at most"),
    (Program::vidprod, &["test", "--size", "99999x99999"], "1 to 65500 pixels"),
    (Program::vidprod, &["test", "--size", "big"], "write WIDTHxHEIGHT"),
    (Program::vidprod, &["test", "--threads", "0"], "1 or more"),
    (Program::vidprod, &["test", "--quality", "101"], "from 1 to 100"),
    (Program::vidprod, &["test", "--partitions", "0"], "from 1 to 10000"),
    (Program::vidprod, &["test", "-p", "-1"], "0 or more"),
    (Program::vidprod, &["test", "--max-message-bytes", "0"], "at least 1 byte"),
    (Program::vidprod, &["test", "--duration", "0"], "it plays nothing; omit --duration"),
    (Program::vidprod, &["a.mp4", "--loop", "0"], "1 or more; --loop without a number plays for ever"),
    (Program::vidprod, &["a.mp4", "--loop", "-1"], "plays for ever"),
    (Program::vidcons, &["-c", "-1"], "1 or more"),
    (Program::vidcons, &["-c", "99999999999999999999999"], "too large"),
    (Program::vidcons, &["--skip", "-1"], "0 or more"),
    (Program::vidcons, &["--snapshot", "a.png", "--at", "0"], "1 or more"),
    (Program::vidcons, &["--speed", "-2"], "between 0.001 and 10000"),
    (Program::vidcons, &["--window-size", "0x0"], "1 to 32767 pixels"),
    (Program::vidcons, &["--position", "-1"], "X,Y"),
    (Program::vidcons, &["-o", "yesterday"], "s@-10m"),
    (Program::vidcons, &["-o", "s@yesterday"], "2026-01-31T12:00+02:00"),
    (Program::vidcons, &["-o", "s@2026-01-31T12:00[No/Where]"], "2026-01-31T12:00+02:00"),
];

const NAMES: &[Case] = &[
    (Program::vidprod, &["test", "-t", ""], "1 to 249 letters"),
    (Program::vidprod, &["test", "-t", "no spaces!"], "1 to 249 letters"),
    (Program::vidprod, &["test", "--source", ""], "a name has 1 to"),
    (Program::vidprod, &["test", "-k", ""], "it is empty"),
    (Program::vidprod, &["test", "-H", "vid=1"], "vidprod writes that header itself"),
    (Program::vidcons, &["-t", ""], "1 to 249 letters"),
    (Program::vidcons, &["-t", ".."], "1 to 249 letters"),
    (Program::vidcons, &["-g", ""], "it is empty"),
    (Program::vidcons, &["--source", ""], "it is empty"),
];

const FILES: &[Case] = &[
    (Program::vidprod, &["test", "--report", "out.pdf"], "cannot go into a .pdf file: name it .json, .html"),
    (Program::vidprod, &["test", "--report", ""], "'-' for standard output"),
    (Program::vidcons, &["--report", "out.jpg"], "cannot go into a .jpg file"),
    (Program::vidcons, &["--snapshot", "a.gif"], "cannot go into a .gif file: name it .png"),
    (Program::vidcons, &["--output", "a.mp4"], "cannot go into a .mp4 file: name it .mjpeg"),
];

const TOGETHER: &[Case] = &[
    (Program::vidcons, &["-g", "one", "-o", "5"], "with -g, -o may be beginning, end or newest"),
    (Program::vidcons, &["-g", "one", "-X", "group.id=another"], "name two groups: omit one of them"),
    (Program::vidcons, &["--report", "a.json", "--report", "./a.json"], "two reports go to"),
    (Program::vidcons, &["--histogram", "a.hgrm", "--report", "a.hgrm"], "two reports go to"),
    (Program::vidprod, &["test", "--report", "a.json", "--report", "a.json"], "two reports go to"),
];

#[track_caller]
fn check(cases: &[Case]) {
    for (program, args, words) in cases {
        let refused = program().args(*args).run();
        refused.assert_fails(2, words);
        assert!(!refused.stderr.contains("tip:"), "the tip of the parser is wrong here\n{}", refused.story());
    }
}

#[test]
fn numbers_out_of_bounds_are_refused_with_their_bounds() {
    check(NUMBERS);
}

#[test]
fn impossible_names_are_refused() {
    check(NAMES);
}

#[test]
fn files_of_another_kind_are_refused_with_the_kinds_that_there_are() {
    check(FILES);
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    check(TOGETHER);
}

#[test]
fn vidprod_without_an_input_prints_the_usage_and_an_example() {
    let alone = Program::vidprod().run();
    alone.assert_fails(2, "vidprod test --topic video");
    assert!(alone.stderr.contains("Usage: vidprod [OPTIONS] <INPUT>"), "{}", alone.story());
}

#[test]
fn other_usage_errors() {
    Program::vidprod().args(["--fsp", "30", "test"]).run().assert_fails(2, "'--fsp'");
    Program::vidprod().args(["--no-such-option"]).run().assert_fails(2, "--no-such-option");
    Program::vidprod().args(["test", "--no-such-option"]).run().assert_fails(2, "--no-such-option");
    Program::vidcons().args(["--no-such-option"]).run().assert_fails(2, "--no-such-option");
}
