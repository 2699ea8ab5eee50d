use std::collections::BTreeSet;

use headway_protocol::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::caller::Credential;
use crate::scope::{Role, Scopes};

fn caller(tenant: &str, subject: Option<&str>, scopes: Scopes, reach: Reach) -> Caller {
    Caller {
        owner: Owner { tenant: tenant.to_owned(), subject: subject.map(str::to_owned) },
        scopes,
        reach,
        credential: Credential::Key { id: "k".to_owned() },
        expires_at: None,
        session: None,
    }
}

fn listed(jobs: &[&str], sessions: &[&str], tags: &[&str], actions: &[Action]) -> Reach {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Reach::Listed(Box::new(Listed {
        jobs: jobs.iter().map(|job| job.parse().unwrap()).collect(),
        sessions: words(sessions),
        tags: words(tags),
        actions: actions.iter().copied().collect(),
        of_subject: None,
    }))
}

/// Every act, with the scope that it needs.
const ACTS: [(Act, Scope); 10] = [
    (Act::Watch, Scope::Watch),
    (Act::Share, Scope::Watch),
    (Act::Report, Scope::Report),
    (Act::Create, Scope::Report),
    (Act::Command(Action::Cancel), Scope::Control),
    (Act::Command(Action::Pause), Scope::Control),
    (Act::Command(Action::Resume), Scope::Control),
    (Act::Command(Action::Retry), Scope::Control),
    (Act::Administer, Scope::Admin),
    (Act::Operate, Scope::Admin),
];

#[test]
fn an_act_needs_its_scope_and_no_other() {
    for (act, needed) in ACTS {
        for scope in Scope::ALL {
            let scopes = Scopes::from_iter([*scope]);
            let caller = caller("default", Some("u1"), scopes, Reach::Tenant);
            let expected = if *scope == needed { Ok(()) } else { Err(Denial::Scope(needed)) };
            assert_eq!(authorize(&caller, act, On::Anything), expected, "{act:?} with {scope}");
        }
    }
}

#[test]
fn whoever_lacks_a_scope_learns_nothing_of_what_there_is() {
    let theirs = Owner { tenant: "acme".to_owned(), subject: None };
    let ours = Owner::default();
    let caller = caller("default", None, Scopes::NONE, Reach::Tenant);
    for (act, needed) in ACTS {
        for owner in [&theirs, &ours] {
            let job = JobView { id: "job-1", owner, session: None, tags: &[] };
            assert_eq!(authorize(&caller, act, On::Job(job)), Err(Denial::Scope(needed)));
        }
    }
}

#[test]
fn a_job_is_seen_by_tenant_subject_or_list() {
    let tags = ["nightly".to_owned()];
    let check = |reach: Reach, tenant: &str, subject: Option<&str>, visible: bool| {
        let owner = Owner { tenant: tenant.to_owned(), subject: subject.map(str::to_owned) };
        let job = JobView { id: "job-1", owner: &owner, session: Some("s-1"), tags: &tags };
        let caller = caller("default", Some("u1"), Scopes::ALL, reach);
        let expected = if visible { Ok(()) } else { Err(Denial::Hidden) };
        assert_eq!(authorize(&caller, Act::Watch, On::Job(job)), expected, "{caller:?} {owner:?}");
    };
    check(Reach::Tenant, "default", None, true);
    check(Reach::Tenant, "default", Some("u2"), true);
    check(Reach::Tenant, "acme", Some("u1"), false);
    check(Reach::Own, "default", Some("u1"), true);
    check(Reach::Own, "default", Some("u2"), false);
    check(Reach::Own, "default", None, false);
    check(Reach::Own, "acme", Some("u1"), false);
    check(listed(&["job-1"], &[], &[], &[]), "default", None, true);
    check(listed(&["job-2"], &[], &[], &[]), "default", None, false);
    check(listed(&[], &["s-1"], &[], &[]), "default", Some("u2"), true);
    check(listed(&[], &[], &["nightly"], &[]), "default", None, true);
    check(listed(&[], &[], &["daily"], &[]), "default", None, false);
    check(listed(&["job-1"], &["s-1"], &["nightly"], &[]), "acme", None, false);
}

#[test]
fn nobody_without_a_subject_owns_what_has_none() {
    let owner = Owner::default();
    let job = JobView { id: "job-1", owner: &owner, session: None, tags: &[] };
    let nobody = caller("default", None, Scopes::ALL, Reach::Own);
    assert_eq!(authorize(&nobody, Act::Watch, On::Job(job)), Err(Denial::Hidden));
    assert_eq!(nobody.lists_only(), Some(None));
    assert_eq!(
        authorize(&nobody, Act::Create, On::Subject(None)),
        Err(Denial::WholeTenant),
        "what it made, it could not see"
    );
}

#[test]
fn a_token_that_was_lent_keeps_the_lender_s_view() {
    let Reach::Listed(mut list) = listed(&[], &["s-1"], &[], &[]) else { unreachable!() };
    list.of_subject = Some("u1".to_owned());
    let lent = caller("default", None, Scopes::from_iter([Scope::Watch]), Reach::Listed(list));
    for (subject, visible) in [("u1", true), ("u2", false)] {
        let owner = Owner { tenant: "default".to_owned(), subject: Some(subject.to_owned()) };
        let job = JobView { id: "job-1", owner: &owner, session: Some("s-1"), tags: &[] };
        assert_eq!(authorize(&lent, Act::Watch, On::Job(job)).is_ok(), visible, "{subject}");
    }
}

#[test]
fn a_token_does_what_it_lists_and_is_not_lent_on() {
    let token = caller(
        "default",
        None,
        Scopes::ALL,
        listed(&["job-1"], &["s-1"], &["nightly"], &[Action::Cancel]),
    );
    let check = |act: Act, on: On<'_>, expected: Result<(), Denial>| {
        assert_eq!(authorize(&token, act, on), expected, "{act:?} {on:?}");
    };
    check(Act::Command(Action::Cancel), On::Anything, Ok(()));
    check(Act::Command(Action::Pause), On::Anything, Err(Denial::Action(Action::Pause)));
    check(Act::Watch, On::Session("s-1"), Ok(()));
    check(Act::Watch, On::Session("s-2"), Err(Denial::NotListed));
    check(Act::Watch, On::Tag("nightly"), Ok(()));
    check(Act::Watch, On::Tag("daily"), Err(Denial::NotListed));
    check(Act::Watch, On::All, Err(Denial::NotListed));
    check(Act::Create, On::Anything, Err(Denial::NotListed));
    check(Act::Share, On::Anything, Err(Denial::NotListed));
    check(Act::Administer, On::Anything, Err(Denial::WholeTenant));
}

#[test]
fn a_name_that_is_not_listed_is_hidden_before_it_is_looked_up() {
    let other: JobId = "job-2".parse().unwrap();
    let named = caller("default", None, Scopes::ALL, listed(&["job-1"], &[], &[], &[]));
    assert_eq!(authorize(&named, Act::Watch, On::JobNamed(&other)), Err(Denial::Hidden));
    // It may be in the session.
    let session = caller("default", None, Scopes::ALL, listed(&[], &["s-1"], &[], &[]));
    assert_eq!(authorize(&session, Act::Watch, On::JobNamed(&other)), Ok(()));
}

#[test]
fn the_node_is_looked_after_by_administrators_of_one_tenant() {
    let check = |tenant: &str, scopes: Scopes, reach: Reach, allowed: bool| {
        let caller = caller(tenant, Some("u1"), scopes, reach);
        assert_eq!(authorize(&caller, Act::Operate, On::Anything).is_ok(), allowed, "{caller:?}");
        let elsewhere = authorize(&caller, Act::Administer, On::Tenant("other"));
        assert_eq!(elsewhere.is_ok(), allowed, "{caller:?}");
    };
    check("default", Scopes::ALL, Reach::Tenant, true);
    check("acme", Scopes::ALL, Reach::Tenant, false);
    check("default", Role::Operator.scopes(), Reach::Tenant, false);
    check("default", Scopes::ALL, Reach::Own, false);
    check("default", Scopes::ALL, listed(&["a"], &[], &[], &[]), false);
}

#[test]
fn roles_and_scopes_have_their_words() {
    for role in Role::ALL {
        assert_eq!(Role::named(role.as_str()), Some(*role));
        assert_eq!(Role::of(role.scopes()), Some(*role));
    }
    assert_eq!(Role::of(Scopes::from_iter([Scope::Report])), None);
    for scope in Scope::ALL {
        assert_eq!(scope.as_str().parse(), Ok(*scope));
    }
    assert!("root".parse::<Scope>().is_err());
    assert_eq!(Scopes::ALL.to_string(), "watch report control admin");
}

fn any_reach() -> impl Strategy<Value = Reach> {
    let names = || proptest::collection::btree_set("[ab]", 0..2);
    let list = (names(), names(), names(), proptest::option::of("[ab]"));
    prop_oneof![
        Just(Reach::Tenant),
        Just(Reach::Own),
        list.prop_map(|(jobs, sessions, tags, of_subject)| {
            let jobs = jobs.iter().map(|job| job.parse().unwrap()).collect::<BTreeSet<JobId>>();
            let actions = Action::ALL.iter().copied().collect();
            Reach::Listed(Box::new(Listed { jobs, sessions, tags, actions, of_subject }))
        }),
    ]
}

proptest! {
    #[test]
    fn no_tenant_sees_another(
        reach in any_reach(),
        subject in proptest::option::of("[ab]"),
        id in "[ab]",
        owner in proptest::option::of("[ab]"),
        session in proptest::option::of("[ab]"),
        tags in proptest::collection::vec("[ab]", 0..2),
    ) {
        let mut caller = caller("one", subject.as_deref(), Scopes::ALL, reach);
        caller.expires_at = Some(Timestamp::from_millis(0));
        let check = |tenant: &str, act: Act| {
            let owner = Owner { tenant: tenant.to_owned(), subject: owner.clone() };
            let job = JobView { id: &id, owner: &owner, session: session.as_deref(), tags: &tags };
            authorize(&caller, act, On::Job(job))
        };
        for (act, _) in ACTS {
            prop_assert!(check("two", act).is_err(), "{act:?}");
        }
        // And a name is never refused before the look-up that a look-up would have found.
        let named = id.parse().unwrap();
        if check("one", Act::Watch).is_ok() {
            prop_assert_eq!(authorize(&caller, Act::Watch, On::JobNamed(&named)), Ok(()));
        }
    }
}
