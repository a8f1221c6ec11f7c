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
