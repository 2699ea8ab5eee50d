use super::super::screen::{Screen, Shown};
use super::*;

#[track_caller]
fn percent(line: &str, expected: f64) {
    match recognise(line) {
        Some(Found::Percent(found)) => {
            assert!((found - expected).abs() < 0.01, "{line:?} gave {found}");
        }
        other => panic!("{line:?} gave {other:?}"),
    }
}

#[track_caller]
fn count(line: &str, done: u64, total: u64) {
    assert_eq!(recognise(line), Some(Found::Count { done, total }), "{line:?}");
}

#[track_caller]
fn nothing(line: &str) {
    assert_eq!(recognise(line), None, "{line:?}");
}

#[test]
fn percentages() {
    percent("45%", 45.0);
    percent(" 45.3 % done", 45.3);
    percent("Progress: [ 45%]", 45.0);
    percent("100%", 100.0);
    percent("(7%)", 7.0);
    percent("tests/test_x.py ........     [ 45%]", 45.0);
    percent("     60,000,000 100%   63.26MB/s    0:00:00 (xfr#1, to-chk=0/1)", 100.0);
    percent("######                     17.1%", 17.1);
    percent("out      14%[=>           ]   4.14M  20.0MB/s", 14.0);
    percent(" 34 57.2M   34 19.8M    0     0  19.9M      0  0:00:02 --:--:--  0:00:02 19.9M", 34.0);
    percent("copied 45% of file 2/10", 45.0);
}

#[test]
fn counts() {
    count("12/345", 12, 345);
    count("[12/345] Building CXX object x.o", 12, 345);
    count("    Building [=======>     ] 123/456: serde, syn", 123, 456);
    count("load:  17%|█▋        | 10/60 [00:00<00:00, 98.45row/s]", 10, 60);
    count("Receiving objects:  45% (450/1,000), 1.20 MiB | 2.00 MiB/s", 450, 1000);
    count("step 3/4", 3, 4);
}

#[test]
fn sizes() {
    percent("   ━━━━━╸━━━━━ 7.2/19.5 MB 216.9 MB/s eta 0:00:01", 36.92);
    percent("12/48MB", 25.0);
    percent("3/4 GiB", 75.0);
}

#[test]
fn other_numbers_are_not_progress() {
    for line in [
        "",
        "hello",
        "2026/11/21 10:00:00 started",
        "/usr/lib/1/2",
        "HTTP/1.1 200 OK",
        "version 1.2/3.4",
        "24/7",
        "to-chk=0/1",
        "%d of %s",
        "-5%",
        "150%",
        "100%x",
        "1/1",
        "a/b 5",
        "3/0",
        "ran in 0.5s",
        "99999999999999999999999999%",
    ] {
        nothing(line);
    }
}

#[test]
fn what_was_found_never_goes_back_nor_ends_early() {
    let mut tracker = Tracker::default();
    assert_eq!(tracker.advance(Found::Percent(10.0)), Some(Reported::Percent(10.0)));
    assert_eq!(tracker.advance(Found::Percent(5.0)), None);
    assert_eq!(tracker.advance(Found::Percent(100.0)), Some(Reported::Percent(NEARLY)));
    assert_eq!(tracker.advance(Found::Percent(100.0)), None);

    let mut tracker = Tracker::default();
    let first = Found::Count { done: 0, total: 3 };
    assert_eq!(tracker.advance(first), Some(Reported::Count { done: 0, total: 3 }));
    assert_eq!(tracker.advance(first), None);
    let other = Found::Count { done: 5, total: 10 };
    assert_eq!(tracker.advance(other), Some(Reported::Percent(50.0)), "another counter");
    let second = Found::Count { done: 2, total: 3 };
    assert_eq!(tracker.advance(second), Some(Reported::Count { done: 2, total: 3 }));

    let mut tracker = Tracker::default();
    assert_eq!(tracker.advance(Found::Percent(72.0)), Some(Reported::Percent(72.0)));
    assert_eq!(tracker.advance(first), None, "a counter that begins after a share");
}

/// Real output, captured from a terminal: how many different shares were seen, and the last.
#[track_caller]
fn captured(tool: &str, output: &[u8], at_least: usize, last: f64) {
    let mut screen = Screen::new();
    let mut shares = Vec::new();
    let mut shown: Vec<_> = output.chunks(64).flat_map(|chunk| screen.push(chunk)).collect();
    shown.extend(screen.finish());
    for one in shown {
        let (Shown::Line(text) | Shown::Fleeting(text)) = one else { continue };
        if let Some(found) = recognise(&text) {
            shares.push(found.percent());
        }
    }
    assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]), "{tool}: {shares:?}");
    shares.dedup();
    assert!(shares.len() >= at_least, "{tool}: {shares:?}");
    assert!((shares.last().unwrap() - last).abs() < 0.1, "{tool}: {shares:?}");
}

#[test]
fn real_output_is_understood() {
    captured("pip", include_bytes!("../../../../tests/captured/pip.txt"), 4, 100.0);
    captured("cargo", include_bytes!("../../../../tests/captured/cargo.txt"), 7, 85.7);
    captured("rsync", include_bytes!("../../../../tests/captured/rsync.txt"), 2, 100.0);
    captured("curl", include_bytes!("../../../../tests/captured/curl.txt"), 4, 100.0);
    captured("curl -#", include_bytes!("../../../../tests/captured/curlhash.txt"), 7, 100.0);
    captured("tqdm", include_bytes!("../../../../tests/captured/tqdm.txt"), 6, 100.0);
    captured("wget", include_bytes!("../../../../tests/captured/wget.txt"), 8, 100.0);
    captured("ninja", include_bytes!("../../../../tests/captured/ninja.txt"), 12, 100.0);
    captured("pytest", include_bytes!("../../../../tests/captured/pytest.txt"), 3, 100.0);
}

#[test]
fn several_bars_in_turn_never_go_back() {
    let mut screen = Screen::new();
    let mut tracker = Tracker::default();
    let mut last = 0.0;
    for one in screen.push(include_bytes!("../../../../tests/captured/git.txt")) {
        let (Shown::Line(text) | Shown::Fleeting(text)) = one else { continue };
        let Some(reported) = recognise(&text).and_then(|found| tracker.advance(found)) else {
            continue;
        };
        let percent = match reported {
            Reported::Percent(percent) => percent,
            Reported::Count { done, total } => done as f64 / total as f64 * 100.0,
        };
        assert!(percent >= last, "{text}");
        last = percent;
    }
    assert!(last >= 98.0, "{last}");
}
