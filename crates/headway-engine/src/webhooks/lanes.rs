//! Which lanes have something to send, as far as one node knows: a state machine without I/O.
//!
//! The queue in the store is the truth; this is a reminder of where to look in it. A lane's `due` is
//! never later than that of any of its deliveries that was noted, so that looking at lanes which are
//! due finds all of them. A lane that is full, or whose server does not answer, is looked at later,
//! and others are not held up by it.
//!
//! Owner: the courier.

use std::collections::{HashMap, HashSet};

use headway_protocol::Timestamp;

use super::places::tenant_of;

/// Deliveries to one lane at once: a slow receiver gets a few and no crowd.
const PER_LANE: usize = 8;

/// Deliveries of one tenant at once: one whose receivers are all silent leaves room for others.
const PER_TENANT: usize = 64;

/// Deliveries at once in all: each may hold a body of 256 KiB and a connection.
const AT_ONCE: usize = 128;

/// Lanes that are known at once, about 150 bytes each. Others are found when the queue is read
/// again, after lanes have been finished.
const LANES: usize = 10_000;

/// The lanes.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    known: HashMap<String, Lane>,
    /// How many run of each tenant that has any.
    tenants: HashMap<String, usize>,
    running: usize,
    /// Whether a lane was not noted for lack of room.
    overflowed: bool,
}

#[derive(Debug)]
struct Lane {
    /// When the earliest known delivery is due that does not run; `None`: none is known.
    due: Option<Timestamp>,
    /// Not before then, whatever is due.
    rests_until: Timestamp,
    /// Keys of deliveries that are being sent.
    running: HashSet<String>,
}

/// A delivery at the head of a lane, as the queue has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: String,
    pub(super) due: Timestamp,
}

impl Lanes {
    /// There is a delivery in a lane that is due then.
    pub(super) fn note(&mut self, lane: &str, due: Timestamp) {
        if let Some(known) = self.known.get_mut(lane) {
            known.due = Some(known.due.map_or(due, |before| before.min(due)));
        } else if self.known.len() < LANES {
            let rests_until = Timestamp::default();
            let known = Lane { due: Some(due), rests_until, running: HashSet::new() };
            self.known.insert(lane.to_owned(), known);
        } else {
            self.overflowed = true;
        }
    }

    /// Lanes to look at now, as many as there are places: tenants take turns, and among the lanes of
    /// one the longest due comes first.
    pub(super) fn ready(&self, now: Timestamp) -> Vec<String> {
        let mut due: Vec<(Timestamp, &String)> = self
            .known
            .iter()
            .filter_map(|(name, lane)| Some((lane.wakes_at()?, name)))
            .filter(|(at, _)| *at <= now)
            .collect();
        due.sort_unstable();
        let mut turns: HashMap<&str, usize> = HashMap::new();
        let mut ready: Vec<(usize, Timestamp, &String)> = due
            .into_iter()
            .map(|(at, name)| {
                let next = turns.entry(tenant_of(name)).or_insert_with(|| self.of_tenant(name));
                let turn = *next;
                *next += 1;
                (turn, at, name)
            })
            .filter(|(turn, _, _)| *turn < PER_TENANT)
            .collect();
        ready.sort_unstable();
        let places = AT_ONCE.saturating_sub(self.running);
        ready.into_iter().take(places).map(|(_, _, name)| name.clone()).collect()
    }

    fn of_tenant(&self, lane: &str) -> usize {
        self.tenants.get(tenant_of(lane)).copied().unwrap_or_default()
    }

    /// How many heads of a lane to read: those that may be begun, those that run under the key that
    /// they were found by, and one to know when to look again.
    pub(super) fn heads_wanted(&self, lane: &str) -> usize {
        PER_LANE + 1 + self.known.get(lane).map_or(0, |lane| lane.running.len())
    }

    /// These are the first deliveries of a lane: those to begin now. From now on they run.
    pub(super) fn begin(&mut self, lane: &str, heads: Vec<Head>, now: Timestamp) -> Vec<Head> {
        let mut of_tenant = self.of_tenant(lane);
        let Some(known) = self.known.get_mut(lane) else { return Vec::new() };
        known.due = None;
        let mut begun = Vec::new();
        for head in heads {
            if known.running.contains(&head.key) {
                continue;
            }
            let place =
                known.running.len() < PER_LANE && of_tenant < PER_TENANT && self.running < AT_ONCE;
            if head.due > now || !place {
                known.due = Some(head.due);
                break;
            }
            known.running.insert(head.key.clone());
            self.running += 1;
            of_tenant += 1;
            begun.push(head);
        }
        if of_tenant > 0 {
            self.tenants.insert(tenant_of(lane).to_owned(), of_tenant);
        }
        self.drop_empty(lane);
        begun
    }

    /// A delivery does not run any more. `again` is when it, or what stands for it, is due.
    pub(super) fn finish(&mut self, lane: &str, key: &str, again: Option<Timestamp>) {
        if let Some(known) = self.known.get_mut(lane)
            && known.running.remove(key)
        {
            self.running = self.running.saturating_sub(1);
            let left = self.of_tenant(lane).saturating_sub(1);
            if left == 0 {
                self.tenants.remove(tenant_of(lane));
            } else {
                self.tenants.insert(tenant_of(lane).to_owned(), left);
            }
        }
        if let Some(due) = again {
            self.note(lane, due);
        }
        self.drop_empty(lane);
    }

    /// Nothing is begun in a lane before then: its server does not answer.
    pub(super) fn rest(&mut self, lane: &str, until: Timestamp) {
        if let Some(known) = self.known.get_mut(lane) {
            known.rests_until = known.rests_until.max(until);
        }
    }

    /// When to look next, if nothing happens before. A lane that waits for a place is not thought of:
    /// the end of a delivery tells of one.
    pub(super) fn wakes_at(&self) -> Option<Timestamp> {
        if self.running >= AT_ONCE {
            return None;
        }
        let may = |name: &String| self.of_tenant(name) < PER_TENANT;
        let lanes = self.known.iter().filter(|(name, _)| may(name));
        lanes.filter_map(|(_, lane)| lane.wakes_at()).min()
    }

    /// Whether the queue has to be read again because lanes were not noted and there is room now.
    pub(super) fn take_overflow(&mut self) -> bool {
        let read = self.overflowed && self.known.len() <= LANES / 2;
        self.overflowed &= !read;
        read
    }

    /// Deliveries that run.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    fn drop_empty(&mut self, lane: &str) {
        let empty =
            self.known.get(lane).is_some_and(|lane| lane.due.is_none() && lane.running.is_empty());
        if empty {
            self.known.remove(lane);
        }
    }
}

impl Lane {
    fn wakes_at(&self) -> Option<Timestamp> {
        let due = self.due.filter(|_| self.running.len() < PER_LANE)?;
        Some(due.max(self.rests_until))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn head(key: &str, due: u64) -> Head {
        Head { key: key.to_owned(), due: at(due) }
    }

    fn keys(heads: &[Head]) -> Vec<&str> {
        heads.iter().map(|head| head.key.as_str()).collect()
    }

    #[test]
    fn a_slow_lane_holds_up_no_other() {
        let mut lanes = Lanes::default();
        lanes.note("slow", at(1));
        lanes.note("quick", at(5));
        assert_eq!(lanes.ready(at(9)), ["slow", "quick"]);
        let heads: Vec<_> = (0..=PER_LANE).map(|n| head(&format!("s{n}"), 1)).collect();
        assert_eq!(lanes.begin("slow", heads.clone(), at(9)).len(), PER_LANE);
        // The last waits for a place, which its lane alone can give.
        assert_eq!(lanes.ready(at(9)), ["quick"]);
        assert_eq!(keys(&lanes.begin("quick", vec![head("q0", 5)], at(9))), ["q0"]);
        assert_eq!((lanes.ready(at(9)), lanes.wakes_at()), (vec![], None));
        lanes.finish("quick", "q0", None);
        lanes.finish("slow", "s0", None);
        assert_eq!(lanes.ready(at(9)), ["slow"]);
        let begun = lanes.begin("slow", heads, at(9));
        assert_eq!(keys(&begun), ["s0"], "what runs is not begun again");
    }

    #[test]
    fn a_lane_wakes_when_its_first_delivery_is_due() {
        let mut lanes = Lanes::default();
        lanes.note("a", at(50));
        lanes.note("a", at(20));
        lanes.note("b", at(30));
        assert_eq!(lanes.wakes_at(), Some(at(20)));
        assert!(lanes.ready(at(19)).is_empty());
        // The queue knows better: the first one is due later.
        assert!(lanes.begin("a", vec![head("a0", 40)], at(20)).is_empty());
        assert_eq!(lanes.wakes_at(), Some(at(30)));
        lanes.rest("b", at(60));
        assert_eq!(lanes.wakes_at(), Some(at(40)));
        assert_eq!(lanes.ready(at(70)), ["a", "b"]);
        // Nothing is left of a lane that has nothing.
        assert!(lanes.begin("b", Vec::new(), at(70)).is_empty());
        assert_eq!(lanes.ready(at(70)), ["a"]);
        assert_eq!(lanes.begin("a", vec![head("a0", 40)], at(70)).len(), 1);
        lanes.finish("a", "a0", Some(at(90)));
        assert_eq!(lanes.wakes_at(), Some(at(90)));
    }

    #[test]
    fn there_are_bounds_to_what_is_known_and_what_runs() {
        let mut lanes = Lanes::default();
        for lane in 0..LANES + 5 {
            lanes.note(&format!("{:016}{lane}", lane % 3), at(1));
        }
        assert_eq!(lanes.known.len(), LANES);
        assert!(!lanes.take_overflow());
        let ready = lanes.ready(at(1));
        assert_eq!(ready.len(), AT_ONCE);
        for lane in &ready {
            assert_eq!(lanes.begin(lane, vec![head("k", 1)], at(1)).len(), 1);
        }
        assert_eq!((lanes.ready(at(1)).len(), lanes.wakes_at()), (0, None));
        let all: Vec<_> = lanes.known.keys().cloned().collect();
        for lane in all.iter().take(LANES * 2 / 3) {
            lanes.begin(lane, Vec::new(), at(1));
            lanes.finish(lane, "k", None);
        }
        assert!(lanes.take_overflow() && !lanes.take_overflow());
    }

    #[test]
    fn a_tenant_with_silent_receivers_leaves_room_for_others() {
        let lane = |tenant: u64, server: u64| format!("{tenant:016}{server:016}");
        let mut lanes = Lanes::default();
        for server in 0..100 {
            lanes.note(&lane(1, server), at(1));
        }
        for name in lanes.ready(at(5)) {
            lanes.begin(&name, vec![head("k", 1)], at(5));
        }
        assert_eq!(lanes.running(), PER_TENANT);
        assert_eq!((lanes.ready(at(5)).len(), lanes.wakes_at()), (0, None));
        lanes.note(&lane(2, 0), at(5));
        assert_eq!(lanes.ready(at(5)), [lane(2, 0)]);
        assert_eq!(lanes.begin(&lane(2, 0), vec![head("k", 5)], at(5)).len(), 1);
        // Where both may, the one of which less runs comes first, though it is due later.
        let busy = |(name, lane): &(&String, &Lane)| {
            name.starts_with("0000000000000001") && !lane.running.is_empty()
        };
        let busy = lanes.known.iter().find(busy).unwrap().0.clone();
        lanes.finish(&busy, "k", None);
        lanes.note(&lane(2, 1), at(5));
        let ready = lanes.ready(at(5));
        assert!(ready[0].starts_with(&lane(2, 1)[..16]) && ready.len() > 1, "{ready:?}");
        lanes.finish(&lane(2, 0), "k", None);
        assert_eq!(lanes.of_tenant(&lane(2, 0)), 0);
    }

    proptest! {
        /// Whatever is noted and finished in whatever order: everything runs once and is finished,
        /// and no more at a time than may.
        #[test]
        fn everything_in_the_queue_is_begun_once(
            queue in prop::collection::vec((0..4_usize, 0..50_u64), 0..80),
            picks in prop::collection::vec(any::<prop::sample::Index>(), 400),
        ) {
            let mut lanes = Lanes::default();
            let mut waiting: Vec<(String, Head)> = queue
                .into_iter()
                .enumerate()
                .map(|(n, (lane, due))| (lane.to_string(), head(&format!("{due:03}-{n}"), due)))
                .collect();
            waiting.sort_by(|(_, left), (_, right)| left.key.cmp(&right.key));
            for (lane, head) in &waiting {
                lanes.note(lane, head.due);
            }
            let mut running: Vec<(String, Head)> = Vec::new();
            let mut now = at(0);
            let mut picks = picks.into_iter();
            while !(waiting.is_empty() && running.is_empty()) {
                for lane in lanes.ready(now) {
                    let wanted = lanes.heads_wanted(&lane);
                    let mut heads: Vec<Head> = waiting
                        .iter()
                        .chain(&running)
                        .filter(|(of, _)| *of == lane)
                        .map(|(_, head)| head.clone())
                        .collect();
                    heads.sort_by(|left, right| left.key.cmp(&right.key));
                    heads.truncate(wanted);
                    for head in lanes.begin(&lane, heads, now) {
                        let place = waiting.iter().position(|(_, other)| *other == head);
                        prop_assert!(place.is_some() && head.due <= now, "{head:?} is begun twice");
                        running.push(waiting.remove(place.unwrap()));
                    }
                }
                prop_assert_eq!(lanes.running(), running.len());
                for lane in 0..4 {
                    let of = |(name, _): &&(String, Head)| *name == lane.to_string();
                    prop_assert!(running.iter().filter(of).count() <= PER_LANE);
                }
                if running.is_empty() {
                    let next = lanes.wakes_at();
                    prop_assert!(next.is_some(), "{waiting:?} is forgotten");
                    now = now.max(next.unwrap());
                } else {
                    let Some(pick) = picks.next() else { break };
                    let (lane, head) = running.remove(pick.index(running.len()));
                    lanes.finish(&lane, &head.key, None);
                }
            }
            prop_assert!(waiting.is_empty() && running.is_empty());
        }
    }
}
