use super::*;

/// Expected values from `date -u -d @...`.
#[test]
fn prints_rfc_3339() {
    let print = |milliseconds| Timestamp(milliseconds).to_string();
    assert_eq!(print(0), "1970-01-01T00:00:00Z");
    assert_eq!(print(951_782_399_001), "2000-02-28T23:59:59.001Z");
    assert_eq!(print(951_782_400_000), "2000-02-29T00:00:00Z");
    assert_eq!(print(1_614_963_709_526), "2021-03-05T17:01:49.526Z");
    assert_eq!(print(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
    assert_eq!(print(u64::MAX), "18446744073709551615 ms after 1970");
}

#[test]
fn every_day_of_four_centuries_reads_back() {
    for days in 0..146_097_u64 {
        let (year, month, day) = date(days);
        let parts = [year, month, day].map(|part| i64::try_from(part).unwrap());
        let seconds = seconds_at(parts, [0, 0, 0]).unwrap();
        assert_eq!(u64::try_from(seconds).unwrap(), days * DAY);
    }
}

#[test]
fn refuses_moments_that_do_not_exist() {
    let none: [([i64; 3], [i64; 3]); 9] = [
        ([2023, 2, 29], [0, 0, 0]),
        ([2100, 2, 29], [0, 0, 0]),
        ([2024, 4, 31], [0, 0, 0]),
        ([2024, 13, 1], [0, 0, 0]),
        ([2024, 0, 1], [0, 0, 0]),
        ([2024, 1, 0], [0, 0, 0]),
        ([2024, 1, 1], [24, 0, 0]),
        ([2024, 1, 1], [0, 60, 0]),
        ([2024, 1, 1], [0, 0, 60]),
    ];
    for (date, time) in none {
        assert_eq!(seconds_at(date, time), None, "{date:?} {time:?}");
    }
    assert_eq!(seconds_at([1969, 12, 31], [23, 59, 59]), Some(-1));
}
