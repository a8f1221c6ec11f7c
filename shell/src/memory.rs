//! What the C library does with memory that was freed.

/// More free memory than that at the end of a heap goes back to the system; a frame of 1080p is less.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_BYTES: i32 = 512 << 10;
/// A larger piece is got from the system, and goes back, by itself.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const APART_BYTES: i32 = 1 << 20;

/// Lets memory tell what is in use: what came all at once after a stall is given back when it was dealt with. By itself glibc
/// raises both limits to the largest piece that it saw, so that each stall leaves something behind. To be called before
/// there are threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "a setting of the C library, which no crate makes safe")]
pub fn give_back() {
    // SAFETY: it takes two numbers, and changes nothing but when memory goes back to the system.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_MMAP_THRESHOLD, APART_BYTES);
    }
}

/// Other C libraries are not told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use std::io::Read;

    use super::*;

    /// Without a piece of memory of its own, which might be the one that holds the others back.
    fn resident() -> usize {
        let mut text = [0; 4096];
        let read =
            std::fs::File::open("/proc/self/status").and_then(|mut file| file.read(&mut text)).expect("Linux tells");
        let text = std::str::from_utf8(&text[..read]).expect("it is text");
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("what is resident");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    #[test]
    fn what_a_stall_needed_is_given_back() {
        give_back();
        // On a thread of its own, whose heap is what glibc, left alone, keeps.
        let left = std::thread::spawn(move || {
            let before = resident();
            // A piece that glibc, left alone, would take as a sign of what is usual.
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
