//! The promises of the stream, on a virtual clock over a log that is made up as it goes.
//!
//! A [`world::World`] holds the log and what it folds to at every position; a [`reader::Reader`]
//! believes only the frames that it is given, a [`listener::Listener`] the messages of a dialect, and
//! both complain as soon as one breaks a promise. They read slowly, go away, and come back with the
//! cursor of whatever they saw last; logs are trimmed and begun anew, and topics are dropped and
//! loaded again.

mod bounds;
mod listener;
mod reader;
mod world;

use headway_protocol::frame::{EventFilter, Subscribe};
use headway_protocol::{ClientMessage, JobStatus};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::topic::Topic;
use listener::Listener;
use reader::Reader;
use world::{World, session, stored};

#[derive(Clone, Debug)]
enum Turn {
    Progress { heard: bool },
    Log(usize),
    Status(JobStatus),
    Retry,
    Member(bool),
    Pass(u64),
    Read(usize, usize),
    ComeBack(usize),
    DropTopic,
    Trim(usize),
    BeginAnew,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        8 => prop::bool::weighted(0.9).prop_map(|heard| Turn::Progress { heard }),
        4 => (1..5_usize).prop_map(Turn::Log),
        2 => prop::sample::select(JobStatus::ALL).prop_map(Turn::Status),
        1 => Just(Turn::Retry),
        2 => any::<bool>().prop_map(Turn::Member),
        6 => (0..250_u64).prop_map(Turn::Pass),
        10 => (0..4_usize, 0..9_usize).prop_map(|(who, most)| Turn::Read(who, most)),
        3 => (0..4_usize).prop_map(Turn::ComeBack),
        1 => Just(Turn::DropTopic),
        1 => (0..9_usize).prop_map(Turn::Trim),
        1 => Just(Turn::BeginAnew),
    ]
}

/// Does what a turn does to the log, the topic and the time; `percent` counts them.
fn turn_world(world: &mut World, turn: &Turn, percent: &mut u64) {
    match *turn {
        Turn::Progress { heard } => {
            *percent += 1;
            world.append(&json!({"progress":{"percent":percent}}), &["progress"], heard);
        }
        Turn::Log(count) => {
            world.append(&json!({"updated":percent}), &["log", "cost"].repeat(count), true);
        }
        Turn::Status(status) => {
            let head = world.head();
            let present = world.status(head);
            if !present.is_terminal() && present != status {
                world.append(&json!({"status":status}), &["status"], true);
            }
        }
        Turn::Retry => {
            let head = world.head();
            if world.status(head).is_terminal() {
                let attempt = world.truth(head)["attempt"].as_u64().unwrap() + 1;
                let change = json!({"status":"queued","attempt":attempt});
                world.append(&change, &["retried"], true);
            }
        }
        // A member that goes and comes back as an object: no one patch can say that.
        Turn::Member(there) => {
            let change = if there { json!({"cost":{"spent":"1"}}) } else { json!({"cost":null}) };
            world.append(&change, &["cost"], true);
        }
        Turn::Pass(millis) => world.now = world.now.plus(millis),
        Turn::DropTopic => {
            world.reload();
            world.drop_topic();
        }
        Turn::Trim(share) => world.trim(share),
        Turn::BeginAnew => world.begin_anew(),
        Turn::Read(..) | Turn::ComeBack(_) => {}
    }
}

/// The same world, told in dialects.
fn tell(turns: &[Turn]) {
    let mut world = World::new();
    let mut listeners = [
        Listener::new(&world, 0, 100),
        Listener::new(&world, 3, 100),
        Listener::new(&world, 64, 0),
        Listener::new(&world, 16, 2_000),
    ];
    let mut percent = 0;
    for turn in turns {
        turn_world(&mut world, turn, &mut percent);
        match *turn {
            Turn::Read(who, most) => {
                listeners[who].read(&world, most);
            }
            Turn::ComeBack(who) => listeners[who].come_back(&world),
            Turn::DropTopic => {
                for listener in &mut listeners {
                    listener.come_back(&world);
                }
            }
            Turn::Progress { .. }
            | Turn::Log(_)
            | Turn::Status(_)
            | Turn::Retry
            | Turn::Member(_)
            | Turn::Pass(_)
            | Turn::Trim(_)
            | Turn::BeginAnew => {}
        }
    }
    world.reload();
    for listener in &mut listeners {
        while listener.read(&world, 1_000) {}
        world.now = world.now.plus(2_000);
        while listener.read(&world, 1_000) {}
        let head = world.head();
        let terminal = world.status(head).is_terminal();
        assert_eq!(listener.ended, terminal, "the end always arrives, and only then");
        if !terminal {
            assert_eq!(listener.last, Some(head), "the newest state always arrives");
        }
    }
}

fn play(turns: &[Turn]) {
    let mut world = World::new();
    let types = EventFilter::Types(vec!["log".to_owned()]);
    let mut readers = [
        Reader::new(&world, None, 100),
        Reader::new(&world, Some(EventFilter::All(true)), 100),
        Reader::new(&world, Some(types), 0),
        Reader::new(&world, None, 2_000),
    ];
    let mut percent = 0;
    for turn in turns {
        turn_world(&mut world, turn, &mut percent);
        match *turn {
            Turn::Read(who, most) => {
                readers[who].read(&world, most);
            }
            Turn::ComeBack(who) => readers[who].come_back(&world),
            Turn::DropTopic => {
                // Only somebody who comes back finds the new topic.
                for reader in &mut readers {
                    reader.come_back(&world);
                }
            }
            Turn::Progress { .. }
            | Turn::Log(_)
            | Turn::Status(_)
            | Turn::Retry
            | Turn::Member(_)
            | Turn::Pass(_)
            | Turn::Trim(_)
            | Turn::BeginAnew => {}
        }
    }
    world.reload();
    for reader in &mut readers {
        // Enough time passes for every interval, and the reader takes what there is.
        while reader.read(&world, 1_000) {}
        world.now = world.now.plus(2_000);
        while reader.read(&world, 1_000) {}
        let head = world.head();
        let terminal = world.status(head).is_terminal();
        assert_eq!(reader.ended, terminal, "the end always arrives, and only then");
        if !terminal {
            assert_eq!(reader.held, Some(head), "the newest state always arrives");
        }
        let missed = reader.events_at.is_some_and(|at| {
            reader.misses(&world, at.epoch, at.offset, reader.held.map_or(0, |held| held.offset))
        });
        assert!(!missed, "every wanted event arrives");
    }
}

#[test]
fn lanes_that_go_while_they_wait_to_read_hold_up_no_other() {
    let world = World::new();
    let mut session = session(&world, &Bell::new(|| ()));
    let name = |number: usize| format!("job_{number}");
    let reads = lanes::READS as usize;
    let watched = 2 * reads + 1;
    for number in 0..watched {
        let subscribe = Subscribe {
            id: name(number),
            job: Some(name(number).parse().unwrap()),
            cursor: Some(Cursor { epoch: 1, offset: 0 }),
            events: Some(EventFilter::All(true)),
            ..Subscribe::default()
        };
        session.handle_message(ClientMessage::Subscribe(subscribe), world.now);
    }
    let mut reading = Vec::new();
    while let Some(request) = session.poll_request() {
        let Request::Watch { ticket, job, .. } = request else { panic!("{request:?}") };
        let found = stored(world.truth(world.head()), world.head());
        let topic = Arc::new(Topic::new(job, found, &world.setting).unwrap());
        let outcome = Ok(Some(Found { topic, trimmed_to: 0 }));
        session.handle_answer(Answer::Watched { ticket, outcome }, world.now);
    }
    let asked = |session: &mut Session, reads: &mut Vec<(u32, JobId, u64)>| {
        while session.poll_frame(world.now).is_some() {}
        while let Some(request) = session.poll_request() {
            let Request::Read { lane, job, after } = request else { panic!("{request:?}") };
            reads.push((lane, job, after));
        }
    };
    asked(&mut session, &mut reading);
    assert_eq!(reading.len(), reads, "others wait for these");
    // All that wait but the last go.
    for number in reads..watched - 1 {
        session.handle_message(ClientMessage::Unsubscribe { id: name(number) }, world.now);
    }
    for (lane, job, after) in std::mem::take(&mut reading) {
        let outcome = Ok(Some(world.history(after, 8)));
        session.handle_answer(Answer::Read { lane, job, after, outcome }, world.now);
        asked(&mut session, &mut reading);
    }
    let jobs: Vec<_> = reading.iter().map(|(_, job, _)| job.to_string()).collect();
    assert_eq!(jobs, [name(watched - 1)]);
}

#[test]
fn a_reader_who_may_be_sent_nothing_yet_is_woken_for_a_change_of_status_alone() {
    let mut world = World::new();
    let mut reader = Reader::new(&world, None, 2_000);
    reader.read(&world, 9);
    world.append(&json!({"progress":{"percent":1}}), &["progress"], true);
    assert!(!reader.read(&world, 9), "a state frame came before its time");
    let rings = |reader: &Reader| {
        let mut rings = Vec::new();
        reader.bell.take(&mut rings);
        rings
    };
    world.append(&json!({"progress":{"percent":2}}), &["progress"], true);
    assert_eq!(rings(&reader), []);
    world.append(&json!({"status":"paused"}), &["paused"], true);
    let [ring] = rings(&reader)[..] else { panic!("it has to be told at once") };
    reader.session.handle_ring(ring);
    assert!(reader.read(&world, 9));
    assert_eq!(reader.document["status"], "paused");
    // Once it may be sent something again, everything wakes it.
    world.now = world.now.plus(2_000);
    world.append(&json!({"progress":{"percent":3}}), &["progress"], true);
    assert_eq!(rings(&reader).len(), 1);
}

proptest! {
    #[test]
    fn every_reader_can_believe_its_frames(turns in prop::collection::vec(turn(), 1..120)) {
        play(&turns);
    }

    #[test]
    fn every_listener_can_believe_its_messages(turns in prop::collection::vec(turn(), 1..120)) {
        tell(&turns);
    }
}
