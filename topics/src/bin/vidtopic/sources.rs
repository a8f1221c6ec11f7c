//! `vidtopic sources`: the sources in the topics, and a picture of each.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use image::DynamicImage;
use serde::Serialize;
use topics::{ListOptions, Listed, SourceFigures};

use crate::args::{OutputFormat, SourcesArgs};
use crate::invocation::Invocation;

/// Largest width and height of a picture.
const THUMBNAIL_SIDE: u32 = 320;

#[derive(Serialize)]
struct TopicSources {
    topic: String,
    partitions: usize,
    sources: Vec<SourceFigures>,
    /// Records that were not read: there may be more sources.
    unread: i64,
}

pub fn sources(args: &SourcesArgs, invocation: &Invocation<'_>) -> anyhow::Result<()> {
    let options = invocation.list_options(args.topic.as_deref())?;
    let options = ListOptions { pictures: args.thumbnails.is_some(), ..options };
    let (clock, shutdown) = (invocation.clock.clone(), invocation.shutdown);
    let is_json = invocation.common.output == OutputFormat::Json;
    if args.thumbnails.is_none() && !is_json {
        return topics::list(&options, clock, shutdown).map(drop);
    }
    let mut all = Vec::new();
    topics::for_each_topic(&options, clock, shutdown, |topic, listed| {
        if !is_json {
            cli::output::print(&topics::described(topic, listed))?;
        }
        let Some(listed) = listed else { return Ok(()) };
        if let Some(folder) = &args.thumbnails {
            write_thumbnails(&folder.join(&topic.name), listed)?;
        }
        all.push(TopicSources {
            topic: topic.name.clone(),
            partitions: topic.partitions,
            sources: listed.sources.figures(listed.at_ms).collect(),
            unread: listed.unread,
        });
        Ok(())
    })?;
    ensure!(!invocation.shutdown.requested(), "stopped: the list is incomplete");
    if is_json { invocation.print(&all, String::new) } else { Ok(()) }
}

/// Writes a picture of each source.
fn write_thumbnails(folder: &Path, listed: &Listed) -> anyhow::Result<()> {
    for (source, jpeg) in listed.sources.pictures() {
        let picture = match image::load_from_memory(jpeg) {
            Ok(picture) => thumbnail(picture),
            Err(error) => {
                tracing::warn!(event = "no_thumbnail", source, "{source}: its picture cannot be decoded: {error}");
                continue;
            }
        };
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join(file_name(source));
        picture.save(&path).with_context(|| path.display().to_string())?;
        tracing::info!(event = "thumbnail", source, path = %path.display(), "wrote {}", path.display());
    }
    Ok(())
}

fn thumbnail(picture: DynamicImage) -> DynamicImage {
    let is_small = picture.width().max(picture.height()) <= THUMBNAIL_SIDE;
    let small = if is_small { picture } else { picture.thumbnail(THUMBNAIL_SIDE, THUMBNAIL_SIDE) };
    DynamicImage::ImageRgb8(small.to_rgb8())
}

/// The name of a source comes from a stranger, so only what is harmless in a file name stays.
fn file_name(source: &str) -> PathBuf {
    let harmless = |c: char| if c.is_alphanumeric() || "-_ ".contains(c) { c } else { '_' };
    PathBuf::from(source.chars().map(harmless).take(100).collect::<String>() + ".jpg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_cannot_choose_a_file_outside_the_folder() {
        for (source, file) in
            [("door", "door.jpg"), ("../../etc/passwd", "______etc_passwd.jpg"), ("a\0\n/b", "a___b.jpg"), ("", ".jpg")]
        {
            assert_eq!(file_name(source), PathBuf::from(file));
        }
        assert_eq!(file_name(&"x".repeat(1000)).as_os_str().len(), 104);
    }
}
