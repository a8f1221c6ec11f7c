//! Whether the display reads our memory: one on another machine cannot.

/// Asks the display of this process, by sharing a page with it.
#[cfg(target_os = "linux")]
pub fn shares_memory() -> bool {
    x11::share_a_page().unwrap_or_else(|error| {
        tracing::debug!(%error, "asking the display for shared memory");
        false
    })
}

/// Other systems' displays are asked nothing.
#[cfg(not(target_os = "linux"))]
pub fn shares_memory() -> bool {
    true
}

#[cfg(target_os = "linux")]
mod x11 {
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
    use x11rb::connection::Connection;
    use x11rb::protocol::shm::ConnectionExt;

    pub fn share_a_page() -> Result<bool, Box<dyn std::error::Error>> {
        let (display, _) = x11rb::connect(None)?;
        let memory = memfd_create("vidcons", MemfdFlags::CLOEXEC)?;
        ftruncate(&memory, 4096)?;
        let segment = display.generate_id()?;
        Ok(display.shm_attach_fd(segment, memory, true)?.check().is_ok())
    }
}
