use super::*;
use crate::source::SourceOptions;
use crate::source::testing::{Folder, file, luma, open, play, pts_ms};

const CLIP: &str = "-f lavfi -i testsrc2=s=160x120:r=25 -t 2 -c:v libx264 -g 12 -pix_fmt yuv420p";

fn refusal(path: &Path) -> String {
    open(&file(path)).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_frame_comes_once_at_its_time() {
    let folder = Folder::new();
    let pictures = play(&file(&folder.make("clip.mp4", CLIP)));
    assert_eq!(pts_ms(&pictures), (0..50).map(|n| n * 40).collect::<Vec<_>>());
}

#[test]
fn a_file_that_begins_late_begins_at_zero() {
    let folder = Folder::new();
    let path = folder.make("late.mkv", &format!("{CLIP} -output_ts_offset 7"));
    assert_eq!(pts_ms(&play(&file(&path)))[..3], [0, 40, 80]);
    let path = folder.make("late.ts", CLIP);
    assert_eq!(pts_ms(&play(&file(&path))), (0..50).map(|n| n * 40).collect::<Vec<_>>());
}

#[test]
fn a_variable_frame_rate_is_kept() {
    let folder = Folder::new();
    let words = format!("{CLIP} -vf select='not(mod(n\\,5))+lt(n\\,5)' -vsync vfr");
    let pictures = play(&file(&folder.make("vfr.mkv", &words)));
    assert_eq!(pts_ms(&pictures)[..8], [0, 40, 80, 120, 160, 200, 400, 600]);
}

#[test]
fn start_and_duration_are_exact() {
    let folder = Folder::new();
    for name in ["clip.mp4", "clip.mkv", "clip.ts"] {
        let path = folder.make(name, CLIP);
        let whole = play(&file(&path));
        let ms = Duration::from_millis;
        let options = SourceOptions { start: Some(ms(700)), duration: Some(ms(400)), ..file(&path) };
        let part = play(&options);
        // 700 ms is between frames 17 and 18, far from a key frame.
        assert_eq!(pts_ms(&part), (0..10).map(|n| n * 40).collect::<Vec<_>>(), "{name}");
        for (part, whole) in part.iter().zip(&whole[18..]) {
            assert_eq!(luma(&part.picture), luma(&whole.picture), "{name}");
        }
    }
}

#[test]
fn loops_go_on_where_the_last_one_ended() {
    let folder = Folder::new();
    for name in ["clip.mp4", "clip.ts", "clip.h264", "one.png"] {
        let path = folder.make(name, if name == "one.png" { "-f lavfi -i testsrc2=s=64x64 -frames:v 1" } else { CLIP });
        let once = play(&file(&path));
        let thrice = play(&SourceOptions { loops: Loops::Times(3), ..file(&path) });
        assert_eq!(thrice.len(), 3 * once.len(), "{name}");
        assert_eq!(pts_ms(&thrice), (0..thrice.len() as u64).map(|n| n * 40).collect::<Vec<_>>(), "{name}");
        assert_eq!(luma(&thrice[once.len()].picture), luma(&once[0].picture), "{name}");
    }
}

#[test]
fn part_of_a_file_loops_too() {
    let folder = Folder::new();
    let path = folder.make("clip.mp4", CLIP);
    let (start, duration) = (Some(Duration::from_secs(1)), Some(Duration::from_millis(200)));
    let pictures = play(&SourceOptions { start, duration, loops: Loops::Times(2), ..file(&path) });
    assert_eq!(pts_ms(&pictures), (0..10).map(|n| n * 40).collect::<Vec<_>>());
    assert_eq!(luma(&pictures[0].picture), luma(&pictures[5].picture));
}

#[test]
fn sound_is_left_aside() {
    let folder = Folder::new();
    let path = folder.make("sound.mkv", &format!("-f lavfi -i sine {CLIP}"));
    assert_eq!(play(&file(&path)).len(), 50);
}

#[test]
fn a_change_of_size_in_the_middle_is_followed() {
    let folder = Folder::new();
    let bytes = |name: &str, size: &str| {
        let words = format!("-f lavfi -i testsrc2=s={size}:r=25 -t 0.4 -c:v libx264 -pix_fmt yuv420p");
        std::fs::read(folder.make(name, &words)).unwrap()
    };
    let joined = [bytes("a.ts", "320x240"), bytes("b.ts", "640x360")].concat();
    let path = folder.write("joined.ts", &joined);
    let pictures = play(&SourceOptions { box_size: Some((400, 400)), ..file(&path) });
    let sizes: Vec<_> = pictures.iter().map(|picture| (picture.picture.width, picture.picture.height)).collect();
    assert_eq!(sizes, [[(320, 240); 10], [(400, 225); 10]].concat());
    assert!(pts_ms(&pictures).windows(2).all(|pair| pair[0] < pair[1]), "times go forward");
}

#[test]
fn damage_in_the_middle_costs_only_what_is_damaged() {
    let folder = Folder::new();
    let path = folder.make("clip.avi", "-f lavfi -i testsrc2=s=160x120:r=25 -t 2 -c:v mjpeg");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 3000].fill(0);
    let pictures = play(&file(&folder.write("hurt.avi", &bytes)));
    assert!((45..=50).contains(&pictures.len()), "{} of 50 frames", pictures.len());
}

#[test]
fn the_format_of_the_file_is_described() {
    let folder = Folder::new();
    let path = folder.make("clip.mp4", &format!("{CLIP} -colorspace bt709"));
    let options = SourceOptions { box_size: Some((80, 80)), loops: Loops::Times(2), ..file(&path) };
    let source = open(&options).unwrap();
    let about = source.info();
    assert_eq!((about.size, about.out_size), ((160, 120), (80, 60)));
    assert_eq!((about.timing, about.fps, about.frames), (SourceTiming::File, Some(25.0), Some(100)));
    assert_eq!((about.duration, about.what.as_str()), (Some(Duration::from_secs(4)), "h264 yuv420p bt709"));
}

#[test]
fn what_cannot_be_played_is_named_with_its_cure() {
    let folder = Folder::new();
    assert!(refusal(&folder.path("none.mp4")).starts_with("there is no file"));
    assert!(refusal(&folder.path("")).contains("is a directory"));
    assert!(refusal(&folder.write("empty.mp4", b"")).contains("is empty"));
    assert!(refusal(&folder.write("a.txt", b"only words, no pictures\n")).contains("is text, not video"));
    assert!(refusal(&folder.write("a.mp4", b"only words, no pictures\n")).contains("is text, not video"));
    assert!(refusal(&folder.write("junk.mp4", &[7; 5000])).contains("no video that FFmpeg can read"));
    assert!(refusal(&folder.make("sound.wav", "-f lavfi -i sine -t 1")).contains("holds no video stream"));
    let clip = std::fs::read(folder.make("clip.mp4", CLIP)).unwrap();
    assert!(refusal(&folder.write("half.mp4", &clip[..clip.len() / 2])).contains("is cut off"));
}

#[test]
fn a_start_behind_the_end_is_refused() {
    let folder = Folder::new();
    let options = SourceOptions { start: Some(Duration::from_secs(9)), ..file(&folder.make("clip.mp4", CLIP)) };
    let refused = open(&options).and_then(|mut source| source.next(Picture::default())).unwrap_err();
    assert!(refused.to_string().starts_with("--start 9s lies behind the end of"), "{refused}");
}

#[test]
fn a_file_name_may_hold_a_colon() {
    let folder = Folder::new();
    let plain = folder.make("clip.mp4", CLIP);
    let odd = folder.path("12:30 clip.mp4");
    std::fs::rename(plain, &odd).unwrap();
    assert_eq!(play(&file(&odd)).len(), 50);
}
