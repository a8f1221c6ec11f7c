//! The files of the page. They are part of the program, and load nothing from elsewhere.

use ::web::axum::Router;
use ::web::axum::http::header::CONTENT_TYPE;
use ::web::axum::routing::get;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, type and content of each file.
const FILES: [(&str, &str, &str); 12] = [
    ("/", HTML, include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/app.js", SCRIPT, include_str!("page/app.js")),
    ("/chat.css", "text/css; charset=utf-8", include_str!("page/chat.css")),
    ("/chat.js", SCRIPT, include_str!("page/chat.js")),
    ("/tile.js", SCRIPT, include_str!("page/tile.js")),
    ("/layout.js", SCRIPT, include_str!("page/layout.js")),
    ("/worker.js", SCRIPT, include_str!("page/worker.js")),
    ("/source.js", SCRIPT, include_str!("page/source.js")),
    ("/decode.js", SCRIPT, include_str!("page/decode.js")),
    ("/protocol.js", SCRIPT, include_str!("page/protocol.js")),
    ("/measure.js", SCRIPT, include_str!("page/measure.js")),
];

pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.into_iter().fold(Router::new(), |routes, (path, kind, content)| {
        routes.route(path, get(move || async move { ([(CONTENT_TYPE, kind)], content) }))
    })
}

#[cfg(test)]
mod tests {
    use common::report::PageDecoder;

    use super::*;

    #[test]
    fn every_way_of_decoding_has_a_name_in_the_report() {
        let script = FILES.iter().find(|(path, ..)| *path == "/decode.js").expect("it is served").2;
        let names: Vec<&str> = script.split("{ name: '").skip(1).filter_map(|rest| rest.split('\'').next()).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        for name in names {
            assert!(serde_json::from_value::<PageDecoder>(name.into()).is_ok(), "{name}");
        }
    }
}
