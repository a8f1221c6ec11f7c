//! Sets the C library's policy for freed memory.

/// Makes memory that a stall needed go back to the system when it is freed. By default glibc raises both limits to the
/// largest piece that it has seen, so each stall would leave some memory behind. Must be called before other threads
/// exist.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a setting of the C library, which no crate makes safe")]
pub fn give_back() {
    /// Free memory at the end of a heap beyond this goes back to the system; a frame of 1080p needs less.
    const KEPT_BYTES: i32 = 512 << 10;
    /// Larger pieces are allocated and returned one by one.
    const APART_BYTES: i32 = 1 << 20;
    // SAFETY: it takes two numbers, and changes nothing but when memory goes back to the system.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, APART_BYTES);
    }
}

/// Other C libraries are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    /// Resident memory in bytes. It is read without allocating, because a new allocation could keep freed memory from
    /// being returned.
    fn resident() -> usize {
        let mut text = [0; 4096];
        let read =
            std::fs::File::open("/proc/self/status").and_then(|mut file| file.read(&mut text)).expect("Linux tells");
        let text = std::str::from_utf8(&text[..read]).expect("it is text");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("what is resident");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    #[test]
    fn memory_of_a_stall_is_returned() {
        give_back();
        // Uses a thread of its own, because glibc by default keeps the memory of such a thread's heap.
        let left = std::thread::spawn(move || {
            let before = resident();
            // By default glibc would take a piece of this size as usual.
            drop(vec![1_u8; 30 << 20]);
            let pieces: Vec<Vec<u8>> = (0..400).map(|_| vec![1; 100_000]).collect();
            let most = resident();
            drop(pieces);
            (before, most, resident())
        });
        let (before, most, after) = left.join().expect("no panic");
        assert!(most > before + 30_000_000, "{before} {most}");
        assert!(after < before + 10_000_000, "{before} {after}");
    }
}
