//! Values that begin with `-`, such as `-2`, which clap takes for options unless the option allows such values.

use std::any::TypeId;
use std::path::PathBuf;

use clap::Command;

use crate::output::Output;

/// Options of a command and its subcommands that do not allow values with a leading `-`, except those whose value is
/// text, a file, one of a list of words, or of a type in `text`. For such a value clap prints its advice about `--`, which is wrong here,
/// instead of the error of the option's own parser. A test of each program asserts that there are no such options.
pub fn options_that_take_no_sign(command: &Command, text: &[TypeId]) -> Vec<String> {
    let own_text = [TypeId::of::<String>(), TypeId::of::<PathBuf>(), TypeId::of::<Output>()];
    let pairs = TypeId::of::<(String, String)>();
    let own = command.get_opts().filter(|option| {
        let takes_signs = option.is_allow_hyphen_values_set() || option.is_allow_negative_numbers_set();
        let parser = option.get_value_parser();
        let is_word = option.get_action().takes_values() && parser.possible_values().is_some();
        let of = |id: TypeId| parser.type_id() == id;
        option.get_action().takes_values()
            && !takes_signs
            && !is_word
            && !text.iter().copied().chain(own_text).any(of)
            && !of(pairs)
    });
    let names = own.map(|option| format!("{} --{}", command.get_name(), option.get_id()));
    names.chain(command.get_subcommands().flat_map(|command| options_that_take_no_sign(command, text))).collect()
}
