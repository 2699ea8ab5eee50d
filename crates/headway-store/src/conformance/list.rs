//! Lists of jobs, and jobs that are due.

use headway_protocol::{JobStatus, Owner};

use super::Subject;
use super::fixtures::*;
use crate::{Due, Facets, ListQuery};

fn owner(tenant: &str, subject: Option<&str>) -> Owner {
    Owner { tenant: tenant.to_owned(), subject: subject.map(str::to_owned) }
}

fn names(jobs: &[crate::Stored]) -> Vec<String> {
    jobs.iter().map(|job| job.document["id"].as_str().unwrap().to_owned()).collect()
}

/// Every filter alone, some together.
pub async fn each_filter_restricts(subject: &mut impl Subject) {
    use JobStatus::{Completed, Pending, Running};
    let store = subject.store();
    let with =
        |status, created: u64, owner, kind: &str, session: Option<&str>, tags: &[&str]| Facets {
            created_at: at(created),
            owner,
            kind: kind.to_owned(),
            session: session.map(str::to_owned),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            ..facets(status)
        };
    for (job, facets) in [
        ("a", with(Running, 1, owner("t1", Some("u1")), "analyze", Some("s1"), &["x", "y"])),
        ("b", with(Pending, 2, owner("t1", Some("u2")), "analyze", Some("s1"), &["y"])),
        ("c", with(Completed, 3, owner("t1", None), "report", Some("s2"), &[])),
        ("d", with(Running, 4, owner("t2", Some("u1")), "report", None, &["x"])),
        ("e", with(Pending, 5, owner("t2", None), "analyze", None, &[])),
    ] {
        appended(&store, first_with(job, facets)).await;
    }
    // What a job is found by changes with its records.
    let moved = with(Completed, 5, owner("t2", None), "analyze", None, &["z"]);
    appended(&store, next_with("e", 1, moved)).await;

    let text = |text: &str| Some(text.to_owned());
    let all = ListQuery { limit: 10, ..ListQuery::default() };
    let cases = [
        (all.clone(), "edcba"),
        (ListQuery { tenant: text("t1"), ..all.clone() }, "cba"),
        (ListQuery { tenant: text("t3"), ..all.clone() }, ""),
        (ListQuery { tenant: text("t1"), subject: text("u1"), ..all.clone() }, "a"),
        (ListQuery { subject: text("u1"), ..all.clone() }, "da"),
        (ListQuery { statuses: vec![Running], ..all.clone() }, "da"),
        (ListQuery { statuses: vec![Pending], ..all.clone() }, "b"),
        (ListQuery { statuses: vec![Completed, Pending, Completed], ..all.clone() }, "ecb"),
        (ListQuery { kind: text("analyze"), ..all.clone() }, "eba"),
        (ListQuery { kind: text("analyze"), statuses: vec![Running], ..all.clone() }, "a"),
        (ListQuery { session: text("s1"), ..all.clone() }, "ba"),
        (ListQuery { session: text("s1"), statuses: vec![Pending], ..all.clone() }, "b"),
        (ListQuery { tag: text("x"), ..all.clone() }, "da"),
        (ListQuery { tag: text("y"), ..all.clone() }, "ba"),
        (ListQuery { tag: text("z"), ..all.clone() }, "e"),
        (ListQuery { tag: text("x"), tenant: text("t2"), ..all.clone() }, "d"),
        (ListQuery { tag: text("y"), statuses: vec![Running], ..all.clone() }, "a"),
        (
            ListQuery {
                tenant: text("t1"),
                kind: text("report"),
                session: text("s2"),
                statuses: vec![Completed],
                ..all.clone()
            },
            "c",
        ),
    ];
    for (query, expected) in &cases {
        let page = store.list(query).await.unwrap();
        assert_eq!(names(&page.jobs).concat(), *expected, "{query:?}");
        assert!(page.next.is_none(), "{query:?}");
        for job in &page.jobs {
            assert!(query.fits(&job.facets), "{query:?} found {:?}", job.facets);
        }
    }
}

/// Keyset pages, also where jobs were created in the same millisecond.
pub async fn pages_follow_each_other_without_gaps_or_repeats(subject: &mut impl Subject) {
    let store = subject.store();
    for n in 0..23_u64 {
        let status = if n % 2 == 0 { JobStatus::Running } else { JobStatus::Pending };
        let facets = Facets { created_at: at(n / 5), ..facets(status) };
        appended(&store, first_with(&format!("job-{n:02}"), facets)).await;
    }
    let expected: Vec<String> = (0..23).rev().map(|n| format!("job-{n:02}")).collect();
    for limit in [1, 2, 5, 7, 22, 23, 24] {
        let mut found = Vec::new();
        let mut query = ListQuery { limit, ..ListQuery::default() };
        loop {
            let page = store.list(&query).await.unwrap();
            assert!(page.jobs.len() <= limit);
            found.extend(names(&page.jobs));
            // The place in the list goes through its text, as it does with a client.
            query.after = page.next.map(|next| next.to_string().parse().unwrap());
            if query.after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "by {limit}");
    }
    let query = ListQuery { statuses: vec![JobStatus::Pending], limit: 11, ..ListQuery::default() };
    assert!(store.list(&query).await.unwrap().next.is_none());
}

/// Jobs that come and change while somebody turns pages do not hide the others.
pub async fn jobs_that_change_between_pages_harm_nobody(subject: &mut impl Subject) {
    let store = subject.store();
    let created = |n: u64, status| Facets { created_at: at(n), ..facets(status) };
    for n in 0..10 {
        let append = first_with(&format!("job-{n}"), created(n, JobStatus::Running));
        appended(&store, append).await;
    }
    let mut query =
        ListQuery { statuses: vec![JobStatus::Running], limit: 4, ..ListQuery::default() };
    let page = store.list(&query).await.unwrap();
    assert_eq!(names(&page.jobs), ["job-9", "job-8", "job-7", "job-6"]);
    query.after = page.next;
    appended(&store, first_with("newer", created(99, JobStatus::Running))).await;
    appended(&store, next_with("job-6", 1, created(6, JobStatus::Completed))).await;
    appended(&store, next_with("job-4", 1, created(4, JobStatus::Completed))).await;
    store.remove(&[id("job-3")]).await.unwrap();
    let page = store.list(&query).await.unwrap();
    assert_eq!(names(&page.jobs), ["job-5", "job-2", "job-1", "job-0"]);
    assert!(page.next.is_none());
}

/// Due times move with each record, forward and back.
pub async fn due_jobs_come_earliest_first(subject: &mut impl Subject) {
    let store = subject.store();
    let due = |due_at: Option<u64>| Facets { due_at: due_at.map(at), ..facets(JobStatus::Running) };
    for (job, due_at) in
        [("a", Some(30)), ("b", Some(10)), ("c", None), ("d", Some(20)), ("e", Some(20))]
    {
        appended(&store, first_with(job, due(due_at))).await;
    }
    let check = async |until: u64, limit: usize, expected: &[(&str, u64)]| {
        let expected: Vec<Due> = expected
            .iter()
            .map(|(job, due_at)| Due { job: id(job), due_at: at(*due_at) })
            .collect();
        let found = subject.store().due(at(until), limit).await.unwrap();
        assert_eq!(found, expected, "until {until}, {limit} of them");
    };
    check(9, 10, &[]).await;
    check(10, 10, &[("b", 10)]).await;
    check(100, 10, &[("b", 10), ("d", 20), ("e", 20), ("a", 30)]).await;
    check(100, 2, &[("b", 10), ("d", 20)]).await;
    check(100, 0, &[]).await;
    for (job, due_at) in [("a", Some(5)), ("b", None), ("c", Some(7)), ("d", Some(40))] {
        appended(&store, next_with(job, 1, due(due_at))).await;
    }
    check(20, 10, &[("a", 5), ("c", 7), ("e", 20)]).await;
    check(100, 10, &[("a", 5), ("c", 7), ("e", 20), ("d", 40)]).await;
    store.remove(&[id("c")]).await.unwrap();
    check(100, 2, &[("a", 5), ("e", 20)]).await;
}
