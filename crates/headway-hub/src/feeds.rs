//! The feeds that somebody reads: of a tenant or of one of its subjects, by selector.
//!
//! A job is shown to the feeds that are about it and to no others, found by name, so that what it
//! costs depends on the job and not on how many feeds there are. A feed that nobody reads any more
//! goes with the next sweep: the hub sweeps now and then, and as often as their number has doubled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use headway_access::Caller;
use headway_protocol::Owner;
use headway_store::Appended;
use parking_lot::Mutex;

use crate::feed::{Feed, Selector};
use crate::topic::Topic;
use crate::wake::Wakes;

/// The least number of feeds that is swept when another is opened.
const SWEPT: usize = 64;

/// All feeds that somebody reads. Owner: the hub.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    known: Mutex<Known>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Known {
    tenants: BTreeMap<String, Tenant>,
    count: usize,
    /// At how many of them those are looked for that nobody reads any more: twice as many as were
    /// left the last time, so that opening many does not look at all of them each time.
    sweep_at: usize,
    /// How many were looked at so.
    #[cfg(test)]
    swept: usize,
}

/// The feeds about a tenant's jobs.
#[derive(Debug, Default)]
struct Tenant {
    of_anybody: BySelector,
    of_subjects: BTreeMap<String, BySelector>,
}

/// The feeds about the same jobs.
#[derive(Debug, Default)]
struct BySelector {
    all: Option<Arc<Feed>>,
    sessions: BTreeMap<String, Arc<Feed>>,
    tags: BTreeMap<String, Arc<Feed>>,
}

impl Feeds {
    /// The feed of a selector as a caller uses it: of its tenant's jobs, or of one subject's. Who
    /// sees no jobs at all has a feed without any.
    pub(crate) fn open(&self, caller: &Caller, selector: &Selector) -> Arc<Feed> {
        let subject = match caller.lists_only() {
            Some(None) => return Arc::default(),
            Some(Some(subject)) => Some(subject),
            None => None,
        };
        let mut known = self.known.lock();
        if known.count >= known.sweep_at.max(SWEPT) {
            known.sweep();
        }
        let tenant = known.tenants.entry(caller.tenant().to_owned()).or_default();
        let (feed, is_new) = match subject {
            None => tenant.of_anybody.open(selector),
            Some(subject) => {
                tenant.of_subjects.entry(subject.to_owned()).or_default().open(selector)
            }
        };
        known.count += usize::from(is_new);
        self.count.store(known.count, Ordering::Release);
        feed
    }

    /// Gives up the feeds that nobody reads any more.
    pub(crate) fn sweep(&self) {
        let mut known = self.known.lock();
        known.sweep();
        self.count.store(known.count, Ordering::Release);
    }

    /// Whether nobody reads any feed.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// Tells the feeds that a job moved.
    pub(crate) fn announce(&self, appended: &Appended, wakes: &mut Wakes) {
        if self.is_empty() {
            return;
        }
        let facets = &appended.facets;
        let tags = facets.tags.iter().map(String::as_str);
        self.each_about(&facets.owner, facets.session.as_deref(), &tags, |feed| {
            feed.announce(appended, wakes);
        });
    }

    /// Forgets a job that was removed. Only those that somebody watches are forgotten so: of others
    /// a feed keeps the name, until it begins another log.
    pub(crate) fn forget(&self, topic: &Topic) {
        if self.is_empty() {
            return;
        }
        let state = topic.look();
        self.each_about(&state.owner(), state.session(), &state.tags(), |feed| {
            feed.forget(topic.job());
        });
    }

    /// Tells every feed that jobs may have moved unseen.
    pub(crate) fn lost(&self, wakes: &mut Wakes) {
        for feed in self.known.lock().tenants.values().flat_map(Tenant::each) {
            feed.lost(wakes);
        }
    }

    /// Shows the feeds that are about a job, of which this is known.
    fn each_about<'a>(
        &self,
        owner: &Owner,
        session: Option<&str>,
        tags: &(impl Iterator<Item = &'a str> + Clone),
        mut show: impl FnMut(&Feed),
    ) {
        let known = self.known.lock();
        let Some(tenant) = known.tenants.get(&owner.tenant) else { return };
        let of_subject = owner.subject.as_ref();
        let of_subject = of_subject.and_then(|subject| tenant.of_subjects.get(subject));
        for feeds in of_subject.into_iter().chain([&tenant.of_anybody]) {
            let of_session = session.and_then(|session| feeds.sessions.get(session));
            let of_tags = tags.clone().filter_map(|tag| feeds.tags.get(tag));
            for feed in feeds.all.iter().chain(of_session).chain(of_tags) {
                show(feed);
            }
        }
    }
}

impl Known {
    fn sweep(&mut self) {
        #[cfg(test)]
        {
            self.swept += self.count;
        }
        self.tenants.retain(|_, tenant| {
            tenant.of_anybody.sweep();
            tenant.of_subjects.retain(|_, feeds| feeds.sweep());
            tenant.each().next().is_some()
        });
        self.count = self.tenants.values().flat_map(Tenant::each).count();
        self.sweep_at = self.count * 2;
    }
}

impl Tenant {
    fn each(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.of_subjects.values().chain([&self.of_anybody]).flat_map(BySelector::each)
    }
}

impl BySelector {
    /// The feed of a selector, and whether there was none.
    fn open(&mut self, selector: &Selector) -> (Arc<Feed>, bool) {
        let mut is_new = false;
        let make = || {
            is_new = true;
            Arc::default()
        };
        let feed = match selector {
            Selector::All => self.all.get_or_insert_with(make),
            Selector::Session(name) => self.sessions.entry(name.clone()).or_insert_with(make),
            Selector::Tag(name) => self.tags.entry(name.clone()).or_insert_with(make),
            // One job is watched by itself.
            Selector::Job(_) => return (Arc::default(), false),
        };
        (Arc::clone(feed), is_new)
    }

    /// Gives up those that nobody reads. Whether any are left.
    fn sweep(&mut self) -> bool {
        let is_read = |feed: &Arc<Feed>| Arc::strong_count(feed) > 1;
        self.all.take_if(|feed| !is_read(feed));
        self.sessions.retain(|_, feed| is_read(feed));
        self.tags.retain(|_, feed| is_read(feed));
        self.each().next().is_some()
    }

    fn each(&self) -> impl Iterator<Item = &Arc<Feed>> {
        self.all.iter().chain(self.sessions.values()).chain(self.tags.values())
    }
}

#[cfg(test)]
mod tests {
    use headway_access::{Listed, Reach};
    use headway_protocol::JobStatus;
    use headway_store::Stored;

    use super::*;
    use crate::feed::tests::moved;

    fn own(tenant: &str, subject: Option<&str>) -> Caller {
        let owner = Owner { tenant: tenant.to_owned(), subject: subject.map(str::to_owned) };
        Caller { owner, reach: Reach::Own, ..Caller::anyone() }
    }

    fn whole(tenant: &str) -> Caller {
        Caller { reach: Reach::Tenant, ..own(tenant, None) }
    }

    fn session(name: &str) -> Selector {
        Selector::Session(name.to_owned())
    }

    /// How many feeds a job of a subject is shown to.
    fn shown(feeds: &Feeds, tenant: &str, subject: Option<&str>, tags: &[&str]) -> usize {
        let mut count = 0;
        let owner = own(tenant, subject).owner;
        feeds.each_about(&owner, Some("s"), &tags.iter().copied(), |_| count += 1);
        count
    }

    #[test]
    fn a_job_is_shown_to_the_feeds_that_are_about_it_and_to_no_others() {
        let feeds = Feeds::default();
        let listed = Listed { of_subject: Some("ann".to_owned()), ..Listed::default() };
        let lent = Caller { reach: Reach::Listed(Box::new(listed)), ..own("one", Some("bob")) };
        let everybody = [whole("one"), own("one", Some("ann")), own("one", Some("bob")), lent];
        let tag = Selector::Tag("t".to_owned());
        let mut read: Vec<Arc<Feed>> = Vec::new();
        for caller in everybody.iter().chain([&own("one", None), &own("two", Some("ann"))]) {
            for selector in [Selector::All, session("s"), session("other"), tag.clone()] {
                read.push(feeds.open(caller, &selector));
            }
        }
        for (tenant, subject, tags, expected) in [
            ("one", Some("ann"), &["t"][..], 6),
            ("one", Some("ann"), &["x", "y"], 4),
            ("one", Some("carl"), &["t"], 3),
            ("one", None, &["t"], 3),
            ("two", Some("ann"), &["t"], 3),
            ("two", Some("bob"), &["t"], 0),
            ("three", Some("ann"), &["t"], 0),
        ] {
            assert_eq!(shown(&feeds, tenant, subject, tags), expected, "{tenant} {subject:?}");
        }
        // Who lists what is a subject's shares the subject's feed; who sees nothing has none.
        assert_eq!(feeds.known.lock().count, 4 * 4);
        drop(read);
    }

    #[test]
    fn what_a_job_costs_does_not_depend_on_how_many_feeds_there_are() {
        let feeds = Feeds::default();
        let caller = whole("one");
        let mut read = vec![feeds.open(&caller, &Selector::All)];
        for number in 0..10_000 {
            read.push(feeds.open(&caller, &session(&number.to_string())));
            read.push(feeds.open(&own("one", Some(&number.to_string())), &Selector::All));
        }
        assert_eq!(shown(&feeds, "one", Some("7"), &["t"]), 2);
    }

    #[test]
    fn opening_many_looks_at_each_a_few_times_and_what_nobody_reads_goes() {
        const MANY: usize = 10_000;
        let feeds = Feeds::default();
        let name = |number: usize| session(&number.to_string());
        // They stay open.
        let read: Vec<_> =
            (0..MANY).map(|number| feeds.open(&whole("one"), &name(number))).collect();
        let swept = |feeds: &Feeds| std::mem::take(&mut feeds.known.lock().swept);
        let looked_at = swept(&feeds);
        assert!(looked_at <= 2 * MANY, "{looked_at} looks to open {MANY}");
        drop(read);
        // They go at once.
        for number in 0..MANY {
            drop(feeds.open(&own("two", Some(&number.to_string())), &name(number)));
        }
        let looked_at = swept(&feeds);
        assert!(looked_at <= 4 * MANY, "{looked_at} looks at {MANY} that go");
        assert!(!feeds.is_empty());
        feeds.sweep();
        assert!(feeds.is_empty());
        assert!(feeds.known.lock().tenants.is_empty(), "nothing is left of them");
    }

    #[test]
    fn a_job_that_was_removed_is_forgotten_where_it_was_news() {
        let feeds = Feeds::default();
        let running = moved("a", JobStatus::Running, "{}");
        let tenant = running.facets.owner.tenant.clone();
        let feed = feeds.open(&Caller::anyone(), &Selector::All);
        let document = serde_json::json!({"id":"a","status":"running","owner":{"tenant":tenant}});
        let (cursor, facets) = (running.cursor, (*running.facets).clone());
        let stored = Stored { cursor, document, private: serde_json::Value::Null, facets };
        let topic = Topic::new(running.job.clone(), stored, &Arc::default()).unwrap();
        feeds.announce(&running, &mut Wakes::default());
        feeds.announce(&moved("b", JobStatus::Running, "{}"), &mut Wakes::default());
        assert_eq!(feed.members(), 2);
        feeds.forget(&topic);
        assert_eq!(feed.members(), 1);
    }
}
