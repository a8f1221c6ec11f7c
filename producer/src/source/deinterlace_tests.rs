use std::path::Path;

use super::*;
use crate::picture::{Picture, SourcePicture};
use crate::source::testing::{Chunks, Folder, all, clock, ffmpeg, file, luma, options, play, psnr, pts_ms, setup};
use crate::source::timed_reader::TimedReader;
use crate::source::y4m::Y4mFeed;
use crate::source::{Deinterlace, Input, SourceOptions};

const SIZE: usize = 160 * 120;
/// Fifty fields a second, two of them in each frame: the even ones in the upper rows.
const INTERLACED: &str =
    "-f lavfi -i testsrc2=s=160x120:r=50 -t 1 -vf tinterlace=interleave_top,setfield=tff -pix_fmt yuv420p";

/// Full-range luma at the time of each frame's first field.
fn moments() -> Vec<Vec<u8>> {
    let filter = "-vf framestep=2,format=yuv420p,scale,format=yuvj420p";
    let planes = ffmpeg(&format!("-f lavfi -i testsrc2=s=160x120:r=50 -t 1 {filter} -f rawvideo"), None);
    planes.chunks(SIZE * 3 / 2).map(|frame| frame[..SIZE].to_vec()).collect()
}

/// Mean PSNR, in dB, of the pictures against the fields of their own time.
fn nearness(pictures: &[SourcePicture]) -> f64 {
    let moments = moments();
    assert_eq!(pictures.len(), moments.len(), "one picture for each frame");
    let each = pictures.iter().zip(&moments).map(|(picture, moment)| psnr(&luma(&picture.picture), moment));
    each.sum::<f64>() / pictures.len() as f64
}

fn never(path: &Path) -> SourceOptions {
    SourceOptions { deinterlace: Deinterlace::Never, ..file(path) }
}

#[test]
fn an_interlaced_file_is_deinterlaced_frame_by_frame_at_its_times() {
    let folder = Folder::new();
    for (name, words) in
        [("a.mkv", "-c:v mpeg2video -flags +ildct+ilme -q:v 1"), ("a.ts", "-c:v libx264 -flags +ildct+ilme -qp 5")]
    {
        let path = folder.make(name, &format!("{INTERLACED} {words}"));
        let (whole, combed) = (play(&file(&path)), play(&never(&path)));
        assert_eq!(pts_ms(&whole), (0..25).map(|n| n * 40).collect::<Vec<_>>(), "{name}");
        let (whole, combed) = (nearness(&whole), nearness(&combed));
        assert!(whole > combed + 2.0, "{name}: {whole:.1} dB deinterlaced, {combed:.1} dB as it is");
    }
}

#[test]
fn progressive_video_stays_as_it_is_to_the_bit() {
    let folder = Folder::new();
    let path = folder.make("a.mkv", "-f lavfi -i testsrc2=s=160x120:r=25 -t 1 -c:v libx264 -pix_fmt yuv420p");
    let (auto, never) = (play(&file(&path)), play(&never(&path)));
    assert!(auto.iter().zip(&never).all(|(auto, never)| auto.picture.data == never.picture.data));
    assert_eq!(auto.len(), 25);
}

#[test]
fn a_loop_and_a_start_keep_their_frames() {
    let folder = Folder::new();
    let path = folder.make("a.mkv", &format!("{INTERLACED} -c:v mpeg2video -flags +ildct+ilme -q:v 1"));
    let start = Some(std::time::Duration::from_millis(400));
    let part = play(&SourceOptions { start, loops: crate::source::Loops::Times(2), ..file(&path) });
    assert_eq!(part.len(), 30);
    let moments = moments();
    let near = psnr(&luma(&part[20].picture), &moments[15]);
    assert!(near > psnr(&luma(&part[20].picture), &moments[14]) + 1.0, "{near:.1} dB");
}

/// A pipe yields each picture at once: the deinterlacer holds none back.
#[test]
fn interlaced_y4m_is_deinterlaced_without_delay() {
    let bytes = ffmpeg(&format!("{INTERLACED} -f yuv4mpegpipe"), None);
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap();
    assert!(String::from_utf8_lossy(header).contains(" It"), "{:?}", String::from_utf8_lossy(header));
    let pictures = |deinterlace| {
        let reader = TimedReader::new(Chunks::new(bytes.clone(), &[5000]), clock());
        let options = SourceOptions { deinterlace, ..options(Input::Stdin) };
        let mut feed = Y4mFeed::open(reader, "a pipe", &setup(options)).unwrap();
        all(|| feed.next(Picture::default()))
    };
    let (whole, combed) = (nearness(&pictures(Deinterlace::Auto)), nearness(&pictures(Deinterlace::Never)));
    assert!(whole > combed + 2.0, "{whole:.1} dB deinterlaced, {combed:.1} dB as it is");
}

#[test]
fn what_ffmpeg_cannot_deinterlace_is_left_as_it_is() {
    let mut frame = frame::Video::empty();
    // A picture in the memory of a graphics card.
    frame.set_format(Pixel::VAAPI);
    frame.set_width(16);
    frame.set_height(16);
    let mut deinterlacer = Deinterlacer::default();
    for _ in 0..2 {
        deinterlacer.apply(&mut frame, Order::Marked);
        assert_eq!((frame.format(), frame.width()), (Pixel::VAAPI, 16));
    }
}

#[test]
fn a_frame_that_the_filter_refuses_stays_as_it_is() {
    let mut deinterlacer = Deinterlacer::default();
    let mut interlaced = |frame: &mut frame::Video| deinterlacer.apply(frame, Order::TopFirst);
    // A frame without planes.
    let mut refused = frame::Video::empty();
    refused.set_format(Pixel::YUV420P);
    refused.set_width(160);
    refused.set_height(120);
    refused.set_pts(Some(7));
    interlaced(&mut refused);
    assert_eq!((refused.width(), refused.pts()), (160, Some(7)));
    let mut next = frame::Video::new(Pixel::YUV420P, 160, 120);
    next.set_pts(Some(8));
    interlaced(&mut next);
    assert_eq!((next.width(), next.pts()), (160, Some(8)));
}
