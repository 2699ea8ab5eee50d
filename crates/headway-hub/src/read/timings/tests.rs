use super::*;

/// So many finished items, of which these were read.
fn read(finished: u64, items: &[(u64, u64, bool)]) -> Read {
    let timed = items.iter().map(|&(at, duration_ms, failed)| Timed { at, duration_ms, failed });
    Read { items: items.len() as u64, finished, timed: timed.collect() }
}

#[test]
fn points_follow_each_other_and_count_everything() {
    let timings = read(3, &[(1_900, 40, false), (1_100, 10, true), (4_000, 20, false)]).timings(60);
    assert_eq!(timings.step_ms, 1_000);
    let told: Vec<_> = timings
        .points
        .iter()
        .map(|point| (point.at.as_millis(), point.finished, point.failed, point.p50_ms))
        .collect();
    assert_eq!(
        told,
        [
            (1_000, 2, 1, Some(10)),
            (2_000, 0, 0, None),
            (3_000, 0, 0, None),
            (4_000, 1, 0, Some(20))
        ]
    );
    let expected = Durations { p50_ms: 20, p90_ms: 40, p99_ms: 40, max_ms: 40 };
    assert_eq!((timings.duration, timings.read, timings.finished), (Some(expected), 3, 3));
}

#[test]
fn steps_are_round_and_there_are_never_too_many() {
    for (last, points, step) in [
        (0, 1, 1_000),
        (59_999, 60, 1_000),
        (60_000, 60, 2_000),
        (3_599_000, 60, 60_000),
        (3_600_000, 60, 120_000),
        (DAY_MS, 2, DAY_MS),
        (DAY_MS, 1, 2 * DAY_MS),
        (700 * DAY_MS, 60, 12 * DAY_MS),
    ] {
        let scale = Scale::new(0, last, points);
        assert_eq!(scale.step, step, "{last} in {points}");
    }
    for last in [999_u64, 12_345_678, 98_765_432_101] {
        for points in [1, 2, 7, 60, 500] {
            let items: Vec<_> = (0..=50).map(|n| (last * n / 50 + 777, 1, false)).collect();
            let timings = read(51, &items).timings(points);
            assert!(timings.points.len() <= points, "{last} in {points}");
            let counted: u64 = timings.points.iter().map(|point| point.finished).sum();
            assert_eq!(counted, 51);
        }
    }
}

#[test]
fn percentiles_are_of_what_was_read() {
    let ascending: Vec<u64> = (1..=100).collect();
    for percent in [50, 90, 95, 99, 100] {
        assert_eq!(percentile(&ascending, percent), Some(percent as u64));
    }
    assert_eq!((percentile(&[7], 50), percentile(&[], 50)), (Some(7), None));
}

#[test]
fn a_sample_is_scaled_up() {
    let timings = read(2_001, &[(1_000, 10, false), (1_500, 10, true)]).timings(60);
    let point = &timings.points[0];
    assert_eq!((point.finished, point.failed), (2_001, 1_001));
    let nothing = Read::default().timings(60);
    assert_eq!((nothing.points.len(), nothing.duration, nothing.finished), (0, None, 0));
}
