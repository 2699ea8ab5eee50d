//! A few seeds in every run of the tests; `cargo run --release -p headway-sim -- --seeds 10000`
//! plays many.

use headway_sim::{Invariant, Mutation, play, play_with};

/// Seeds of one test run.
const SEEDS: u64 = 200;

/// Seeds that broke a promise once.
const ONCE_BROKEN: [u64; 1] = [
    // A job's end came to the hub before the news of what led to it.
    21_783,
];

/// Seeds in which a mistake has to be seen.
const SEEN_WITHIN: u64 = 300;

#[test]
fn no_seed_breaks_a_promise() {
    for seed in (1..=SEEDS).chain(ONCE_BROKEN) {
        if let Err(failure) = play(seed) {
            panic!("{failure}");
        }
    }
}

#[test]
fn a_seed_plays_the_same_every_time() {
    for seed in 1..=30 {
        let [once, twice] = [play(seed), play(seed)].map(Result::unwrap);
        assert_eq!(once.hash, twice.hash, "seed {seed}");
        assert_eq!(once.counts, twice.counts, "seed {seed}");
    }
    assert_ne!(play(1).unwrap().hash, play(2).unwrap().hash);
}

#[test]
fn what_a_run_is_about_happens_in_it() {
    let mut counts = headway_sim::reader::Counts::default();
    let mut cuts = 0;
    for seed in 1..=SEEDS {
        let outcome = play(seed).unwrap();
        counts.add(&outcome.counts);
        cuts += outcome.cuts;
    }
    let seen = [
        ("snapshots", counts.snapshots),
        ("updates", counts.updates),
        ("events", counts.events),
        ("gaps", counts.gaps),
        ("ends", counts.ends),
        ("recovered", counts.recovered),
        ("heartbeats", counts.heartbeats),
        ("errors", counts.errors),
        ("tokens taken", counts.sign_ins),
        ("cuts", cuts),
    ];
    for (what, count) in seen {
        assert!(count > 30, "{count} {what} in {SEEDS} seeds: the runs have lost their subject");
    }
}

/// Every mistake that is made on purpose is seen, and is called by the first of its names.
#[test]
fn a_deliberate_mistake_is_seen() {
    for (mutation, names) in Mutation::ALL {
        let seen = (1..=SEEN_WITHIN).any(|seed| {
            let failure = play_with(seed, Some(mutation)).err();
            failure.is_some_and(|failure| names.first() == Some(&failure.violation.invariant))
        });
        assert!(seen, "{mutation:?} was not seen as {names:?} in {SEEN_WITHIN} seeds");
    }
}

#[test]
fn every_invariant_can_be_broken() {
    for invariant in Invariant::ALL {
        let breaks = |(_, names): &(Mutation, &[Invariant])| names.contains(&invariant);
        assert!(Mutation::ALL.iter().any(breaks), "no mistake on purpose breaks {invariant}");
    }
}
