//! Whether a room is idle.

use protocol::{digest::Digest, time::Time};

/// How much an instance had answered, and since when it has answered no more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Idle(Option<(Digest, u64, Time)>);

impl Idle {
    /// Whether `instance`, which has answered so much at `now`, has answered nothing more for so many minutes; never without
    /// a number of minutes. What is counted begins anew with each instance and with each start of the service.
    pub(super) fn is_over(
        &mut self,
        minutes: Option<u64>,
        instance: Digest,
        answered: u64,
        now: Time,
    ) -> bool {
        match (self.0, minutes) {
            (_, None) => false,
            (Some((known, before, since)), Some(minutes))
                if known == instance && before == answered =>
            {
                now.0.saturating_sub(since.0) >= minutes.saturating_mul(60_000)
            }
            _ => {
                self.0 = Some((instance, answered, now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_that_answers_is_not_closed_nor_one_that_nobody_said_to_close() {
        let [one, two] = [Digest::of("test", b"1"), Digest::of("test", b"2")];
        let minute = |n: u64| Time(n * 60_000);
        let mut idle = Idle::default();
        for n in 0..100 {
            assert!(!idle.is_over(None, one, 0, minute(n)), "nobody said so");
        }
        assert!(!idle.is_over(Some(10), one, 0, minute(100)));
        assert!(!idle.is_over(Some(10), one, 0, minute(109)));
        assert!(idle.is_over(Some(10), one, 0, minute(110)));
        // An answer, a repeated one too, begins it anew; so does another instance.
        assert!(!idle.is_over(Some(10), one, 1, minute(111)));
        assert!(!idle.is_over(Some(10), one, 1, minute(120)));
        assert!(!idle.is_over(Some(10), two, 1, minute(130)));
        // A clock that is set back closes nothing.
        assert!(!idle.is_over(Some(10), two, 1, minute(5)));
        assert!(idle.is_over(Some(10), two, 1, minute(140)));
    }
}
