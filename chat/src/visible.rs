//! Text as it may be shown: what would change the terminal or the page instead of being read is replaced by something visible.

use std::borrow::Cow;

/// The text with control characters, terminal escapes and invisible or direction-changing characters made visible.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\t' => shown.push(' '),
            // Unicode has a picture for each of these, as in ␛ for escape.
            '\0'..='\x1f' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            '\x7f' => shown.push('\u{2421}'),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// True for characters that [`visible`] replaces. Joiners and variation selectors are kept, because emoji and several scripts
/// need them.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_becomes_visible() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text), expected, "{text:?}");
        check(
            "plain, grüße, \u{1f469}\u{200d}\u{1f4bb}, <script>",
            "plain, grüße, \u{1f469}\u{200d}\u{1f4bb}, <script>",
        );
        check("\x1b[2J\x07", "␛[2J␇");
        check("two\r\nlines\ttab\x7f", "two␍␊lines tab␡");
        check("\u{9b}31m", "\\u{9b}31m");
        check("abc\u{202e}fed\u{2066}\u{200f}\u{feff}", "abc\\u{202e}fed\\u{2066}\\u{200f}\\u{feff}");
    }

    #[test]
    fn nothing_shown_is_hidden() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        assert!(!visible(&all).contains(is_hidden));
    }
}
