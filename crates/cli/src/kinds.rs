//! Checks file extensions, so that no file gets an extension of another kind of file.

use std::path::Path;

/// Extensions by which other programs recognise the content of a file.
const KNOWN: [&[&str]; 4] = [
    &["avif", "bmp", "eps", "gif", "heic", "ico", "jpeg", "jpg", "jxl", "png", "ps", "svg", "tif", "tiff", "webp"],
    &[
        "avi", "flv", "h264", "h265", "hevc", "m2ts", "m4v", "mjpeg", "mjpg", "mkv", "mov", "mp3", "mp4", "mpeg",
        "mpg", "ogv", "ts", "wav", "webm", "wmv", "y4m", "yuv",
    ],
    &[
        "csv", "doc", "docx", "hgrm", "hlog", "htm", "html", "json", "log", "md", "ods", "odt", "parquet", "pdf",
        "ppt", "pptx", "rtf", "toml", "tsv", "txt", "xls", "xlsx", "xml", "yaml", "yml",
    ],
    &["7z", "bz2", "gz", "rar", "tar", "tgz", "xz", "zip", "zst"],
];

/// The extension of a file name in lower case, without its dot.
pub fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// Refuses a name with a known extension that is not one of `ours`. Unknown extensions, and none, are accepted. The
/// error contains `what` (the content of the file) and `instead` (advice).
pub fn check(path: &Path, what: &str, ours: &[&str], instead: &str) -> Result<(), String> {
    let extension = extension(path);
    let is_other = !ours.contains(&extension.as_str()) && KNOWN.iter().any(|kind| kind.contains(&extension.as_str()));
    if is_other { Err(format!("{what} cannot go into a .{extension} file: {instead}")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_other_kinds_are_refused() {
        let refused = |name: &str| check(Path::new(name), "a picture", &["png", "jpg"], "name it .png").err();
        for good in ["a.png", "a.JPG", "a", "a.picture", "a.gif/b", ".gif"] {
            assert_eq!(refused(good), None, "{good}");
        }
        assert_eq!(refused("a.GIF").as_deref(), Some("a picture cannot go into a .gif file: name it .png"));
        assert!(refused("a.mp4").is_some() && refused("a.json").is_some() && refused("a.png.zip").is_some());
    }
}
