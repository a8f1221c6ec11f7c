//! Parses the text of a shape. All texts are our own, and the tests walk each of them.

/// The text after its first item.
pub(crate) fn after(text: &[u8]) -> &[u8] {
    match text {
        [b'*' | b'?', rest @ ..] => after(rest),
        [b'(' | b'{' | b'<', rest @ ..] => after_closing(rest),
        [_, rest @ ..] => rest,
        [] => text,
    }
}

fn after_closing(mut text: &[u8]) -> &[u8] {
    while let [next, rest @ ..] = text {
        if matches!(next, b')' | b'}' | b'>') {
            return rest;
        }
        text = after(text);
    }
    text
}

/// The items of `7+ …}`, and true if `version` has them.
pub(crate) fn applies(text: &[u8], version: i16) -> (bool, &[u8]) {
    let (first, rest) = number(text);
    match rest {
        [b'+', items @ ..] => (version >= first, items),
        [b'-', b'0'..=b'9', ..] => {
            let (last, items) = number(&rest[1..]);
            ((first..=last).contains(&version), items)
        }
        [b'-', items @ ..] => (version <= first, items),
        _ => unreachable!("each shape is walked in the tests, in all of its versions"),
    }
}

/// The items of the tagged field `tag`, found among the `<0:…><1:…>` at the end of a struct's text.
pub(crate) fn tagged(mut text: &[u8], tag: u32) -> Option<&[u8]> {
    while let [b'<', inner @ ..] = text {
        let (known, items) = number(inner);
        if u32::try_from(known) == Ok(tag) {
            return Some(items.strip_prefix(b":").unwrap_or(items));
        }
        text = after(text);
    }
    None
}

fn number(mut text: &[u8]) -> (i16, &[u8]) {
    let mut number = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        number = number * 10 + i16::from(digit - b'0');
        text = rest;
    }
    (number, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_ends_where_its_brackets_do() {
        let check = |text: &str, rest: &str| assert_eq!(after(text.as_bytes()), rest.as_bytes(), "{text}");
        check("is", "s");
        check("*is", "s");
        check("*(i*(s)<0:u>)s", "s");
        check("?(si)b", "b");
        check("{7+ *(i{8- s})}b", "b");
        check("", "");
    }

    #[test]
    fn versions_are_from_up_to_or_between() {
        let check = |text: &str, versions: &[i16]| {
            let have: Vec<i16> = (0..=5).filter(|&version| applies(text.as_bytes(), version).0).collect();
            assert_eq!(have, versions, "{text}");
        };
        check("3+ s}", &[3, 4, 5]);
        check("2- s}", &[0, 1, 2]);
        check("1-3 s}", &[1, 2, 3]);
    }

    #[test]
    fn a_tag_is_found_by_its_number() {
        assert_eq!(tagged(b"<0:s><1:{15+ (il)}>", 1), Some(&b"{15+ (il)}>"[..]));
        assert_eq!(tagged(b"<0:s><1:{15+ (il)}>)u", 2), None);
    }
}
