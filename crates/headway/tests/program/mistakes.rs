//! What people get wrong, and that they are told.

use crate::harness::{Server, finish, said};

#[test]
fn a_quote_that_is_left_open_fails_its_row_and_the_run_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let rows = |open: &[usize]| {
        let row =
            |i| format!("r{i},part {i},{}", if open.contains(&i) { "\"6in pipe" } else { "ok" });
        let rows: Vec<_> = (0..2_000).map(row).collect();
        let text = format!("custom_id,name,note\n{}\n", rows.join("\n"));
        std::fs::write(folder.join("inches.csv"), text).unwrap();
    };
    let run =
        || finish(folder, &["batch", "run", "inches.csv", "--exec", "cat", "--concurrency", "2"]);

    rows(&[5]);
    let output = run();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    for part in [
        "5 of 6 succeeded, 1 failed",
        "  1 × invalid_input: line 7: the quote opened on line 7 is not closed",
        "on line 2001 is one row",
        "`headway batch errors bat_",
    ] {
        assert!(said(&output).contains(part), "no {part:?} in {}", said(&output));
    }

    rows(&[5, 1_990]);
    let output = run();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    for part in [
        "14 of 15 succeeded, 1 failed",
        "line 7: the quote opened on line 7 is closed on line 1992 with text behind it",
    ] {
        assert!(said(&output).contains(part), "no {part:?} in {}", said(&output));
    }
}

#[test]
fn a_run_with_failures_says_why_and_steers_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    std::fs::write(folder.path().join("three.jsonl"), "{\"a\":1}\n{\"a\":\n2\n").unwrap();
    let exec = "sh -c 'printf \"\\033[31mno luck\\n\" >&2; exit 7'";
    let run = ["batch", "run", "three.jsonl", "--exec", exec, "--retries", "0"];
    let output = server.finish(&run);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let words = said(&output);
    assert!(words.contains("all 3 items failed"), "{words}");
    assert!(words.contains("  1 × invalid_input: line 2: "), "{words}");
    assert!(words.contains("  2 × exit_code, such as: ") && words.contains("no luck"), "{words}");
    assert!(!words.contains('\u{1b}'), "{words:?}");
    assert!(words.contains("which items failed, and why: `headway batch errors bat_"), "{words}");
    let output = server.finish(&["--json", "batch", "run", "three.jsonl", "--exec", "false"]);
    assert!(!said(&output).contains('×'), "{}", said(&output));
}

#[test]
fn variables_are_named_beside_those_that_programs_always_see() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("one.jsonl"), "{}\n").unwrap();
    let run = ["batch", "run", "one.jsonl", "-o", "-", "--exec", "env", "--env", "FOR_A_PROGRAM"];
    let output = crate::harness::headway(folder, &run)
        .env("FOR_A_PROGRAM", "here")
        .env("LANG", "C.UTF-8")
        .env("HOME", "/home-of-a-person")
        .output()
        .unwrap();
    let seen = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    for variable in ["FOR_A_PROGRAM=here", "LANG=C.UTF-8", "HOME=/home-of-a-person"] {
        assert!(seen.contains(variable), "no {variable} in {seen}");
    }
}

#[test]
fn an_amount_below_zero_is_refused_in_our_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["batch", "run", "f.csv", "--exec", "cat", "--budget", "-3"];
    let output = finish(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("it must be above zero"), "{}", said(&output));
}

#[test]
fn a_kind_that_cannot_be_used_is_told_before_anything_has_begun() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (kind, field) in [
        ("executor = { type = \"http\", url = \"nourl\" }", "kinds.a.executor.url"),
        ("concurrency = 0", "kinds.a.concurrency"),
    ] {
        std::fs::write(folder.join("headway.toml"), format!("[kinds.a]\n{kind}\n")).unwrap();
        for command in [["config", "check"].as_slice(), &["serve", "--listen", "127.0.0.1:0"]] {
            let output =
                finish(folder, &[["--config", "headway.toml"].as_slice(), command].concat());
            assert!(!output.status.success(), "{command:?} with {kind}");
            let place = format!("{field} (headway.toml line 2): ");
            assert!(said(&output).contains(&place), "{command:?}: {}", said(&output));
        }
        assert!(!folder.join("headway-data").exists(), "the store was opened");
    }
}
