//! The real program under a bad network, for a few seconds and with one kill.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails where a test would")]

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use headway_sim::soak::Soak;

/// The program as it lies beside this test, built if it is not there.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.ancestors().nth(2).unwrap().to_owned();
    let program = folder.join("headway");
    if !program.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--package", "headway", "--bin", "headway"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "the program cannot be built");
    }
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_anything_while_the_network_and_the_server_fail() {
    let folder = tempfile::tempdir().unwrap();
    let soak = Soak {
        binary: program(),
        folder: folder.path().to_owned(),
        lasts: Duration::from_secs(8),
        watchers: 10,
        jobs: 3,
        seed: 1,
        restart_every_ms: 4_000,
    };
    let report = soak.run().await.unwrap();
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    assert!(report.kills > 0 && report.cuts > 0, "{report:?}");
    assert!(report.counts.events > 0 && report.counts.updates > 0, "{report:?}");
    assert!(report.counts.recovered > 0, "nobody went on where they were: {report:?}");
}
