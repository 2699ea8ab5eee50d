//! Who may report on a job, command it, and make one for whom; what a caller does not see is refused
//! as what never was.
#![expect(clippy::unwrap_used, reason = "a helper of tests may fail its test")]

#[allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::match_wild_err_arm,
    reason = "each test file uses its part of the house, and only in tests"
)]
mod house;

use std::collections::BTreeSet;
use std::sync::Arc;

use headway_access::{Caller, Listed, Reach, Scope, Scopes};
use headway_engine::Error;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CommandRequest, CreateJob};
use headway_protocol::{Action, JobId, Owner};
use serde_json::json;

use house::House;

/// Somebody of tenant `one`.
fn caller(subject: Option<&str>, reach: Reach) -> Caller {
    let owner = Owner { tenant: "one".to_owned(), subject: subject.map(str::to_owned) };
    Caller { owner, reach, ..Caller::anyone() }
}

fn lent(jobs: &[&str], tags: &[&str], actions: &[Action], of_subject: Option<&str>) -> Reach {
    Reach::Listed(Box::new(Listed {
        jobs: jobs.iter().map(|name| name.parse().unwrap()).collect(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        actions: actions.iter().copied().collect(),
        of_subject: of_subject.map(str::to_owned),
        ..Listed::default()
    }))
}

fn job(id: &str, subject: Option<&str>) -> CreateJob {
    CreateJob {
        id: Some(id.parse().unwrap()),
        kind: "import".to_owned(),
        subject: subject.map(str::to_owned),
        tags: vec!["night".to_owned()],
        ..CreateJob::default()
    }
}

/// What a caller is told about each job: `ok`, or the refusal with the job's name taken out.
struct Told {
    report: Vec<String>,
    pause: Vec<String>,
}

const NAMES: [&str; 4] = ["of-ann", "of-bob", "foreign", "never"];

async fn told(caller: Caller) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let everybody = Arc::new(super_caller("one"));
    for (id, subject) in [("of-ann", "ann"), ("of-bob", "bob")] {
        house.engine.create_job(&everybody, job(id, Some(subject)), None).await.unwrap();
    }
    let elsewhere = Arc::new(super_caller("two"));
    house.engine.create_job(&elsewhere, job("foreign", Some("ann")), None).await.unwrap();
    let caller = Arc::new(caller);
    let mut told = Told { report: Vec::new(), pause: Vec::new() };
    for name in NAMES {
        let id: JobId = name.parse().unwrap();
        let word = |outcome: Result<(), Error>| match outcome {
            Ok(()) => "ok".to_owned(),
            Err(error) => serde_json::to_string(&error.problem()).unwrap().replace(name, "NAME"),
        };
        let start: SequencedReport = serde_json::from_value(json!({"type":"start"})).unwrap();
        let reported = house.engine.report(&caller, &id, None, vec![start]).await.map(drop);
        told.report.push(word(reported));
        let asked = CommandRequest::default();
        let paused = house.engine.command(&caller, &id, Action::Pause, asked).await.map(drop);
        told.pause.push(word(paused));
    }
    told
}

fn super_caller(tenant: &str) -> Caller {
    let owner = Owner { tenant: tenant.to_owned(), subject: None };
    Caller { owner, ..Caller::anyone() }
}

/// The names that were not refused; those that were, were refused alike.
fn done(told: &[String]) -> BTreeSet<&'static str> {
    let refusals: BTreeSet<_> = told.iter().filter(|word| *word != "ok").collect();
    assert!(refusals.len() <= 1, "a refusal tells what there is: {refusals:?}");
    NAMES.into_iter().zip(told).filter(|(_, word)| *word == "ok").map(|(name, _)| name).collect()
}

#[tokio::test]
async fn everybody_reports_on_and_commands_exactly_what_they_reach() {
    let pause = &[Action::Pause][..];
    let ann = Some("ann");
    for (caller, reports, pauses) in [
        (caller(None, Reach::Tenant), &["of-ann", "of-bob"][..], &["of-ann", "of-bob"][..]),
        (caller(ann, Reach::Own), &["of-ann"], &["of-ann"]),
        (caller(Some("carl"), Reach::Own), &[], &[]),
        (caller(None, Reach::Own), &[], &[]),
        (caller(ann, lent(&["of-bob", "foreign"], &[], pause, None)), &["of-bob"], &["of-bob"]),
        (
            caller(None, lent(&[], &["night"], pause, None)),
            &["of-ann", "of-bob"],
            &["of-ann", "of-bob"],
        ),
        (caller(None, lent(&[], &["night"], pause, Some("bob"))), &["of-bob"], &["of-bob"]),
        (caller(ann, lent(&["of-ann"], &[], &[Action::Cancel], None)), &["of-ann"], &[]),
        (
            Caller { scopes: Scopes::from_iter([Scope::Report]), ..caller(None, Reach::Tenant) },
            &["of-ann", "of-bob"],
            &[],
        ),
        (
            Caller { scopes: Scopes::from_iter([Scope::Watch]), ..caller(None, Reach::Tenant) },
            &[],
            &[],
        ),
        (Caller::nobody(), &[], &[]),
    ] {
        let name = format!("{caller:?}");
        let told = told(caller).await;
        assert_eq!(done(&told.report), reports.iter().copied().collect(), "{name}");
        assert_eq!(done(&told.pause), pauses.iter().copied().collect(), "{name}");
    }
}

#[tokio::test]
async fn a_job_is_made_for_oneself_or_by_who_sees_the_whole_tenant_for_anybody() {
    let ann = Some("ann");
    for (caller, subject, owner) in [
        (caller(None, Reach::Tenant), None, Some(None)),
        (caller(None, Reach::Tenant), ann, Some(ann)),
        (caller(Some("bob"), Reach::Tenant), None, Some(Some("bob"))),
        (caller(Some("bob"), Reach::Tenant), ann, Some(ann)),
        (caller(ann, Reach::Own), None, Some(ann)),
        (caller(ann, Reach::Own), ann, Some(ann)),
        (caller(ann, Reach::Own), Some("bob"), None),
        (caller(None, Reach::Own), None, None),
        (caller(ann, lent(&["made"], &["night"], &[], None)), None, None),
        (Caller::nobody(), None, None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let house = House::new(folder.path());
        let named = format!("{caller:?} for {subject:?}");
        let made = house.engine.create_job(&Arc::new(caller), job("made", subject), None).await;
        match (made, owner) {
            (Ok(made), Some(subject)) => {
                let expected =
                    Owner { tenant: "one".to_owned(), subject: subject.map(str::to_owned) };
                assert_eq!(made.job.owner, expected, "{named}");
            }
            (Err(refused), None) => assert_eq!(refused.problem().status, 403, "{named}"),
            (made, _) => assert!(made.is_err() == owner.is_none(), "{named}: {made:?}"),
        }
    }
}

#[tokio::test]
async fn a_request_that_is_repeated_by_another_subject_is_another_s() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::new(folder.path());
    let request = || CreateJob { kind: "import".to_owned(), ..CreateJob::default() };
    let mut made = BTreeSet::new();
    for subject in ["ann", "bob", "ann"] {
        let caller = Arc::new(caller(Some(subject), Reach::Own));
        let answer = house.engine.create_job(&caller, request(), Some("once")).await.unwrap();
        assert_eq!(answer.job.owner.subject.as_deref(), Some(subject));
        assert_eq!(answer.repeated, !made.insert(answer.job.id.clone()));
    }
    assert_eq!(made.len(), 2);
}
