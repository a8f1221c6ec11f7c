//! What the routes of the web server share.

use std::sync::Arc;

use ::web::Asker;
use common::report::Report;
use common::time::Clock;

use super::chat::ChatRoom;
use super::hub::FrameHub;

/// What the routes share.
#[derive(Clone, Debug)]
pub struct WebState {
    pub hub: Arc<FrameHub>,
    pub chat: Arc<ChatRoom>,
    pub reports: Asker<Box<Report>>,
    pub clock: Arc<dyn Clock>,
}
