//! Finds out if the display can read our memory; one on another machine cannot.

/// Tests it by sharing a page with the display of this process. Returns true if the display cannot be asked, so that
/// sharing is tried.
#[cfg(target_os = "linux")]
pub fn shares_memory() -> bool {
    match x11rb::connect(None) {
        Ok((display, _)) => x11::share_a_page(&display).unwrap_or_else(|error| {
            tracing::debug!("sharing a page with the display: {error}");
            false
        }),
        Err(error) => {
            tracing::debug!("asking the display for shared memory: {error}");
            true
        }
    }
}

/// On other systems sharing is always tried.
#[cfg(not(target_os = "linux"))]
pub fn shares_memory() -> bool {
    true
}

#[cfg(target_os = "linux")]
mod x11 {
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use x11rb::connection::Connection;
    use x11rb::protocol::shm::ConnectionExt;

    pub fn share_a_page(display: &impl Connection) -> Result<bool, Box<dyn std::error::Error>> {
        let memory = memfd_create("vidcons", MemfdFlags::CLOEXEC)?;
        ftruncate(&memory, 4096)?;
        let segment = display.generate_id()?;
        Ok(display.shm_attach_fd(segment, memory, true)?.check().is_ok())
    }
}
