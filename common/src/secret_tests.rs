use super::*;

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, shown) in cases {
        assert_eq!(hide(text), *shown);
        assert_eq!(hide(shown), *shown, "hiding twice");
        assert_eq!(is_in(text), text != shown, "{text}");
    }
}

#[test]
fn passwords_in_addresses_are_hidden() {
    check(&[
        ("rtsp://me:hunter2@cam:554/a", "rtsp://me:(hidden)@cam:554/a"),
        ("cannot open rtsp://me:hunter2@cam/a: refused", "cannot open rtsp://me:(hidden)@cam/a: refused"),
        ("https://hunter2@host/", "https://(hidden)@host/"),
        ("rtsp://me:hunt@er2@cam/a", "rtsp://me:(hidden)@cam/a"),
        ("rtsp://me:hunt/er2@cam/a", "rtsp://me:(hidden)@cam/a"),
        ("rtsp://me:hunt?er2@cam/a", "rtsp://me:(hidden)@cam/a"),
        ("rtsp:/me:hunter2@cam/a", "rtsp:/me:(hidden)@cam/a"),
        ("there is no file me:hunter2@cam/a: check", "there is no file me:(hidden)@cam/a: check"),
        ("input=\"http://me:hunter2@[::1]:80/\" x", "input=\"http://me:(hidden)@[::1]:80/\" x"),
    ]);
}

#[test]
fn passwords_with_quotes_are_hidden() {
    check(&[
        ("rtsp://me:it's@cam/a", "rtsp://me:(hidden)@cam/a"),
        ("cannot open 'rtsp://me:i\"t<s>`\\@cam/a': refused", "cannot open 'rtsp://me:(hidden)@cam/a': refused"),
        (r#"{"a":"x/y","url":"rtsp://me:it's@cam/a"}"#, r#"{"a":"x/y","url":"rtsp://me:(hidden)@cam/a"}"#),
        ("a=rtsp://me:one@x/,rtsp://me:two@y/", "a=rtsp://me:(hidden)@x/,rtsp://me:(hidden)@y/"),
        (r#"["http://cam","rtsp://me:two@y/"]"#, r#"["http://cam","rtsp://me:(hidden)@y/"]"#),
    ]);
}

#[test]
fn an_address_as_a_whole_may_hold_quotes_and_spaces() {
    let check = |address: &str, shown: &str| {
        assert_eq!(hide_address(address), shown);
        assert_eq!(hide(shown), shown, "hiding what is shown");
        assert_eq!(is_in_address(address), address != shown, "{address}");
    };
    check("rtsp://me:it's \"a\" <b>`\\@cam/a", "rtsp://me:(hidden)@cam/a");
    check("rtsp:/me:it's@cam/a", "rtsp:/me:(hidden)@cam/a");
    check("http://cam/v?pwd=it's a \"b\"&n=1", "http://cam/v?pwd=(hidden)&n=1");
    check("http://cam/v?pwd='a'&n=1", "http://cam/v?pwd='(hidden)'&n=1");
    check("http://cam/v?n=1", "http://cam/v?n=1");
}

#[test]
fn secret_parameters_of_addresses_are_hidden() {
    check(&[
        ("http://cam/v?user=me&password=hunter2&n=1", "http://cam/v?user=me&password=(hidden)&n=1"),
        ("http://cam/v?access_token=hunter2", "http://cam/v?access_token=(hidden)"),
        ("http://cam/v?pwd=(hidden): refused", "http://cam/v?pwd=(hidden): refused"),
        ("http://cam/v?key=hunter2&X-Amz-Signature=a%2F", "http://cam/v?key=(hidden)&X-Amz-Signature=(hidden)"),
        ("srt://host:9000?passphrase=hunter2#a", "srt://host:9000?passphrase=(hidden)#a"),
        ("rtsp://cam/user=me_password=hunter2_channel=1.sdp", "rtsp://cam/user=me_password=(hidden)"),
    ]);
}

#[test]
fn values_of_secret_properties_are_hidden() {
    check(&[
        ("sasl.password=hunter2", "sasl.password=(hidden)"),
        ("sasl.password = hunter2 and more", "sasl.password = (hidden) and more"),
        ("a ssl.key.pem=hunter2\nb", "a ssl.key.pem=(hidden)\nb"),
        (
            "PlainLoginModule required username=\"me\" password=\"hunter 2\";",
            "PlainLoginModule required username=\"me\" password=\"(hidden)\";",
        ),
        (r#"{"message":"password=\"hunter2\" it"}"#, r#"{"message":"password=\"(hidden)\" it"}"#),
    ]);
}

#[test]
fn nothing_else_is_hidden() {
    for text in [
        "",
        "key=clip partition=3",
        "topic video [0]@17: linger.ms=5",
        "http://host:8080/@user/live?streamid=7",
        "http://host/a@2x.jpg",
        r#"{"input":"http://cam","mail":"me@x"}"#,
        "s@2026-01-31T12:00:00Z",
        "ssl.key.location=/etc/key.pem ssl.ca.location=/ca.pem sasl.username=me",
        "check sasl.password and the broker's user",
        "sasl.password= is empty",
        "a clip@home.mp4",
    ] {
        assert_eq!(hide(text), text);
    }
}

#[test]
fn properties_are_secret_by_name() {
    let secrets = [
        "sasl.password",
        "ssl.key.password",
        "ssl.keystore.password",
        "ssl.key.pem",
        "ssl.keystore.key",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.config",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "sasl.oauthbearer.assertion.private.key.pem",
        "sasl.jaas.config",
    ];
    assert!(secrets.iter().all(|name| is_secret(name)));
    let open = ["ssl.key.location", "ssl.ca.pem", "ssl.certificate.pem", "sasl.username", "sasl.mechanism", "acks"];
    assert!(!open.iter().any(|name| is_secret(name)));
}

#[test]
fn a_host_is_found_behind_user_and_password() {
    let check = |address: &str, host: &str| assert_eq!(from_host(address), host, "{address}");
    check("rtsp://me:hunter2@cam1:554/a", "cam1:554/a");
    check("rtsp://me:hunt/er2@cam1/a", "cam1/a");
    check("http://cam1?token=x", "cam1?token=x");
    check("http://[::1]:80/a@b", "[::1]:80/a@b");
}
