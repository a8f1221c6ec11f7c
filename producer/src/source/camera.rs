//! Cameras, through FFmpeg's devices (Video4Linux; AVFoundation on macOS).

use std::path::Path;

use ffmpeg_next::{Dictionary, Error};

use super::error::SourceError;
use super::ffi;
use super::opened::{Source, SourceSetup};
use super::options::CameraOptions;
use super::stream::{ReadDeadline, StreamFeed, StreamKind};

const SYSTEM_LIST: &str = "/sys/class/video4linux";

pub fn open(device: &str, setup: &SourceSetup) -> Result<Source, SourceError> {
    let failed = |why: String| SourceError::Camera { device: device.to_owned(), why };
    if cfg!(target_os = "linux") && !Path::new(device).exists() {
        return Err(failed("there is no such device".to_owned()));
    }
    let (format, address) = if cfg!(target_os = "macos") {
        ("avfoundation", device.trim_start_matches("/dev/video"))
    } else {
        ("video4linux2", device)
    };
    let watch = ReadDeadline::new(setup);
    let opened = ffi::open(address, Some(format), settings(&setup.options.camera), watch.interrupt());
    let input = opened.map_err(|error| failed(why(error)))?;
    StreamFeed::open(input, device, StreamKind::Camera(watch), setup)
}

fn settings(camera: &CameraOptions) -> Dictionary<'static> {
    let mut settings = Dictionary::new();
    if let Some((width, height)) = camera.size {
        settings.set("video_size", &format!("{width}x{height}"));
    }
    if let Some(fps) = camera.fps {
        settings.set("framerate", &fps.to_string());
    }
    if let Some(format) = &camera.format {
        let name = if cfg!(target_os = "macos") { "pixel_format" } else { "input_format" };
        settings.set(name, format);
    }
    settings
}

fn why(error: Error) -> String {
    match error {
        Error::Other { errno } if errno == ffmpeg_next::error::EACCES => {
            "no permission (join the group `video`)".to_owned()
        }
        Error::Other { errno } if errno == ffmpeg_next::error::EBUSY => "another program is using it".to_owned(),
        Error::Other { errno } if errno == ffmpeg_next::error::EINVAL => {
            "it refuses this size, rate or format".to_owned()
        }
        error => error.to_string(),
    }
}

/// Lists the cameras, one line each, as printed by `--list-cameras`.
pub fn list_cameras() -> String {
    if cfg!(target_os = "macos") {
        return "cameras are numbered from 0; `ffmpeg -f avfoundation -list_devices true -i \"\"` names them"
            .to_owned();
    }
    list(Path::new(SYSTEM_LIST))
}

fn list(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut cameras: Vec<_> = entries.filter_map(|entry| camera(&entry.path())).collect();
    cameras.sort();
    if cameras.is_empty() {
        return "no camera is connected (there is no /dev/video0)".to_owned();
    }
    let lines = cameras.iter().map(|(number, name)| format!("/dev/video{number}  {name}"));
    lines.collect::<Vec<_>>().join("\n")
}

fn camera(folder: &Path) -> Option<(u32, String)> {
    let number = folder.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()?;
    // A camera's further device nodes carry no pictures.
    let index = std::fs::read_to_string(folder.join("index")).unwrap_or_default();
    let name = std::fs::read_to_string(folder.join("name")).ok()?;
    (index.trim().is_empty() || index.trim() == "0").then(|| (number, name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str, cameras: &[(&str, &str, &str)]) -> std::path::PathBuf {
        let root = std::env::temp_dir().join(format!("cameras-{name}-{}", std::process::id()));
        for (node, name, index) in cameras {
            std::fs::create_dir_all(root.join(node)).unwrap();
            std::fs::write(root.join(node).join("name"), format!("{name}\n")).unwrap();
            std::fs::write(root.join(node).join("index"), format!("{index}\n")).unwrap();
        }
        root
    }

    #[test]
    fn cameras_are_listed_by_number_without_their_further_nodes() {
        let cameras =
            [("video10", "Dome", "0"), ("video2", "Webcam", "0"), ("video3", "Webcam", "1"), ("vbi0", "TV", "0")];
        let root = folder("some", &cameras);
        assert_eq!(list(&root), "/dev/video2  Webcam\n/dev/video10  Dome");
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_list_without_cameras_contains_a_message() {
        assert_eq!(list(Path::new("/no/such/folder")), "no camera is connected (there is no /dev/video0)");
    }
}
