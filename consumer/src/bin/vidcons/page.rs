//! The page for browsers: started, and opened in the user's browser.

use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::Context;
use chat::ChatOptions;
use common::time::Clock;
use consumer::web::WebView;

use crate::options::Options;

/// Serves the page, if requested, and says where.
pub fn serve(options: &Options, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<WebView>> {
    let Some(web) = options.web.clone() else { return Ok(None) };
    let chat = ChatOptions::new(&options.reader.topic, &options.cli.kafka, "vidcons");
    let web = WebView::start(web, chat.map_err(|error| error.to_string()), clock.clone())?;
    let url = web.url();
    tracing::info!(event = "page_ready", url, "watch in the browser: {url}");
    if options.cli.open
        && let Err(error) = open(&url)
    {
        tracing::warn!(event = "no_browser", "cannot open the browser: {error:#}; open {url} in it");
    }
    Ok(Some(web))
}

/// Opens an address in the user's browser.
fn open(url: &str) -> anyhow::Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut child = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    // It ends when the browser has the address, which nobody waits for.
    std::thread::spawn(move || child.wait());
    Ok(())
}
