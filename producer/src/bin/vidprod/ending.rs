//! Decides if a run succeeded: all frames of a file must be acknowledged, and the last ones of a live source.

use common::words::{count, were};
use std::time::Duration;

use common::books::ProducerBooks;

/// A live source fails if no frame of this last time was acknowledged.
const LAST: Duration = Duration::from_secs(2);

/// The error if frames were not acknowledged. `cause` is the reason why no broker is connected, if none is.
pub fn unacknowledged(books: &ProducerBooks, every_frame: bool, cause: Option<&str>) -> Option<anyhow::Error> {
    let (captured, lost) = (books.captured, books.losses.sum());
    let unheard = books.captured_at.since(books.acknowledged_capture);
    let what = match books.acknowledged {
        0 if captured == 1 => "the only frame was not acknowledged".to_owned(),
        _ if every_frame && lost > 0 => {
            format!("{lost} of {} {} not acknowledged", count(captured, "frame"), were(lost))
        }
        0 if captured > 0 => format!("none of {} was acknowledged", count(captured, "frame")),
        1.. if !every_frame && unheard > LAST => {
            format!("no frame of the last {:.1} s was acknowledged", unheard.as_secs_f64())
        }
        _ => return None,
    };
    let why = cause.or(books.last_failure.as_deref());
    Some(anyhow::anyhow!("{what}{}", why.map_or(String::new(), |why| format!(": {why}"))))
}

#[cfg(test)]
mod tests {
    use common::books::Loss;
    use common::time::Micros;

    use super::*;

    fn books(captured: u64, acknowledged: u64, unheard_ms: u64) -> ProducerBooks {
        let mut books = ProducerBooks {
            captured,
            acknowledged,
            captured_at: Micros(100_000_000),
            acknowledged_capture: Micros(if acknowledged == 0 { 0 } else { 100_000_000 - unheard_ms * 1000 }),
            ..ProducerBooks::default()
        };
        (acknowledged..captured).for_each(|_| books.losses.add(Loss::Late));
        books
    }

    #[track_caller]
    fn check(books: &ProducerBooks, every_frame: bool, expected: Option<&str>) {
        let words = unacknowledged(books, every_frame, None).map(|error| error.to_string());
        assert_eq!(words.as_deref(), expected);
    }

    #[test]
    fn a_file_of_which_a_frame_is_missing_failed() {
        check(&books(90, 90, 0), true, None);
        check(&books(90, 89, 0), true, Some("1 of 90 frames was not acknowledged"));
        check(&books(0, 0, 0), true, None);
        check(&books(1, 0, 0), true, Some("the only frame was not acknowledged"));
    }

    #[test]
    fn a_live_source_that_lost_frames_and_reached_the_broker_at_its_end_succeeds() {
        check(&books(90, 3, 1900), false, None);
        check(&books(0, 0, 0), false, None);
    }

    #[test]
    fn a_live_source_without_acknowledgements_fails() {
        check(&books(90, 0, 0), false, Some("none of 90 frames was acknowledged"));
        check(&books(1, 0, 0), false, Some("the only frame was not acknowledged"));
        check(&books(90, 80, 2100), false, Some("no frame of the last 2.1 s was acknowledged"));
    }

    #[test]
    fn the_present_cause_precedes_that_of_a_frame() {
        let books = ProducerBooks { last_failure: Some("not authorized".to_owned()), ..books(9, 0, 0) };
        let words = |cause| unacknowledged(&books, false, cause).map(|error| error.to_string());
        assert_eq!(words(None).as_deref(), Some("none of 9 frames was acknowledged: not authorized"));
        assert_eq!(words(Some("refused")).as_deref(), Some("none of 9 frames was acknowledged: refused"));
    }
}
