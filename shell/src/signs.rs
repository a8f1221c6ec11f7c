//! Values that begin with `-`, such as `-2`: clap takes them for options unless an option says that it takes them.

use std::any::TypeId;
use std::path::PathBuf;

use clap::Command;

use crate::output::Output;
use crate::report::ReportFile;

/// The options of a command and of its subcommands whose value is neither text nor a file nor one of a list of words, and to
/// which clap does not give a value that begins with `-`. Such a value then gets clap's advice about `--`, which is wrong
/// here, in place of what the option's own parser says. A test of each program asserts that there are none.
pub fn options_that_take_no_sign(command: &Command) -> Vec<String> {
    let text = [TypeId::of::<String>(), TypeId::of::<PathBuf>(), TypeId::of::<Output>(), TypeId::of::<ReportFile>()];
    let pairs = TypeId::of::<(String, String)>();
    let own = command.get_opts().filter(|option| {
        let takes_signs = option.is_allow_hyphen_values_set() || option.is_allow_negative_numbers_set();
        let parser = option.get_value_parser();
        let is_word = option.get_action().takes_values() && parser.possible_values().is_some();
        let of = |id: TypeId| parser.type_id() == id;
        option.get_action().takes_values() && !takes_signs && !is_word && !text.into_iter().any(of) && !of(pairs)
    });
    let names = own.map(|option| format!("{} --{}", command.get_name(), option.get_id()));
    names.chain(command.get_subcommands().flat_map(options_that_take_no_sign)).collect()
}
