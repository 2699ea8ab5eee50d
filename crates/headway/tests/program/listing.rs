//! What there is: jobs that are looked for, and the kinds that are configured.

use serde_json::{Value, json};

use crate::harness::{Server, expect, headway};

#[test]
fn jobs_are_found_by_words() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    for name in ["nightly import", "nightly export", "invoices"] {
        server.expect(&["run", "--quiet", "--name", name, "--", "true"], 0);
    }
    let found = |words: &[&str]| {
        let listed: Value =
            serde_json::from_str(&server.expect(&[&["--json", "job", "list"], words].concat(), 0))
                .unwrap();
        let jobs = listed["jobs"].as_array().unwrap().iter();
        let names = jobs.map(|job| job["name"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), listed["next"].is_string())
    };
    assert_eq!(found(&["--text", "NIGHT"]).0, ["nightly export", "nightly import"]);
    assert_eq!(found(&["--text", "import night"]).0, ["nightly import"]);
    assert_eq!(found(&["--text", "night", "--limit", "1"]), (vec!["nightly export".into()], true));
    assert_eq!(found(&["--text", "none of them"]), (vec![], false));
    let table = server.expect(&["job", "list", "--text", "invoices"], 0);
    assert_eq!(table.lines().count(), 2, "{table}");
}

#[test]
fn the_kinds_of_a_server_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let config = "
[kinds.resize]
executor = { type = \"command\", argv = [\"/bin/cat\", \"--secret-of-the-operator\"] }
concurrency = 4
budget = { max_budget = \"2.50\" }

[kinds.import]
steps = { load = { index = 1 }, fetch = { index = 0, name = \"Fetch\" } }
";
    std::fs::write(folder.path().join("headway.toml"), config).unwrap();
    let mut child = headway(
        folder.path(),
        &["--json", "serve", "--listen", "127.0.0.1:0", "--config", "headway.toml"],
    );
    child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
    let server = Server::adopt(child.spawn().unwrap(), folder.path());

    let listed = server.expect(&["--json", "kinds"], 0);
    let expected = json!({"kinds":[
        {"name":"import","steps":{
            "fetch":{"name":"Fetch","role":null,"parent":null,"weight":null,"index":0},
            "load":{"name":null,"role":null,"parent":null,"weight":null,"index":1},
        }},
        {"name":"resize","executor":"command","concurrency":4,
         "budget":{"max_budget":"2.50","on_budget":"pause"}},
    ]});
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap(), expected);
    let table = server.expect(&["kinds"], 0);
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(
        lines,
        [
            "KIND    RUN BY        AT ONCE  BUDGET  STEPS",
            "import  its producer  -        -       fetch, load",
            "resize  a program     4        2.50    -",
        ]
    );
}

#[test]
fn a_server_without_kinds_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(server.expect(&["kinds"], 0), "", "a sentence is for people, not for programs");
    assert_eq!(server.expect(&["--json", "kinds"], 0).trim(), r#"{"kinds":[]}"#);
    assert!(expect(folder.path(), &["kinds", "--help"], 0).contains("configured"));
}
