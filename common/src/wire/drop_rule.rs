//! Decides which frames may be dropped in favour of newer ones.

/// Decides which frame is dropped where they come faster than they are taken.
///
/// A frame that is not a key frame is decoded with the help of the one before it. It cannot replace a waiting frame, and
/// after a dropped one it is of no use: then all are dropped up to the next key frame. Every JPEG is a key frame, so of
/// two JPEGs the older one is dropped.
#[derive(Default, Debug)]
pub struct DropRule {
    awaits_key_frame: bool,
}

impl DropRule {
    /// Puts the next frame into the place where one waits; returns the frame that is dropped, if any.
    pub fn put<T>(&mut self, place: &mut Option<T>, frame: T, key_frame: bool) -> Option<T> {
        self.awaits_key_frame |= place.is_some();
        self.awaits_key_frame &= !key_frame;
        if self.awaits_key_frame { Some(frame) } else { place.replace(frame) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts frames one after the other and takes the waiting one after each `true`; returns those taken and those dropped.
    fn run(frames: &[(u32, bool, bool)]) -> (Vec<u32>, Vec<u32>) {
        let (mut rule, mut place) = (DropRule::default(), None);
        let (mut taken, mut dropped) = (Vec::new(), Vec::new());
        for &(frame, key_frame, take) in frames {
            dropped.extend(rule.put(&mut place, frame, key_frame));
            taken.extend(place.take_if(|_| take));
        }
        (taken, dropped)
    }

    #[test]
    fn of_key_frames_the_newest_goes_on() {
        let frames = [(0, true, true), (1, true, false), (2, true, false), (3, true, true)];
        assert_eq!(run(&frames), (vec![0, 3], vec![1, 2]));
    }

    #[test]
    fn what_depends_on_the_frame_before_waits_for_it_or_is_dropped_up_to_the_next_key_frame() {
        let kept_up = [(0, true, true), (1, false, true), (2, false, true)];
        assert_eq!(run(&kept_up), (vec![0, 1, 2], vec![]));
        let too_slow = [(0, true, true), (1, false, false), (2, false, true), (3, false, true), (4, true, true)];
        assert_eq!(run(&too_slow), (vec![0, 1, 4], vec![2, 3]));
        let far_too_slow = [(0, true, false), (1, false, false), (2, true, false), (3, false, true), (4, false, true)];
        assert_eq!(run(&far_too_slow), (vec![2], vec![1, 0, 3, 4]));
    }
}
