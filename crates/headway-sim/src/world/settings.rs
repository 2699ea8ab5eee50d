//! What kind of world a seed makes.

use headway_hub::Options;

use crate::chance::Chance;

/// What kind of world a seed makes.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// What the hub is told.
    pub(crate) options: Options,
    /// Jobs.
    pub(crate) jobs: usize,
    /// Those who watch.
    pub(crate) watchers: usize,
    /// Threads that serve sessions.
    pub(crate) bells: usize,
    /// What happens before all is quiet.
    pub(crate) steps: usize,
    /// Whether the store answers at once.
    pub(crate) prompt: bool,
    /// Whether news get lost for good, come again or out of their turn, which a store does not do.
    /// Then every job moves once more before it is judged: a hub notices by what comes next.
    pub(crate) careless: bool,
    /// Of the times that a connection could be cut or a log lost, so many pass: some worlds are calm
    /// enough for long conversations.
    pub(crate) calm: u64,
    /// Whether people see different things, by tokens that end and are renewed. Then every job moves
    /// once more before it is judged: who sees it changes at a moment that no frame tells.
    pub(crate) signs_in: bool,
    /// Frames that fit between the hub and a reader.
    pub(crate) wire: usize,
}

impl Settings {
    /// One job and one watcher in a world where nothing is late but by order.
    pub(crate) fn plain() -> Self {
        let options = Options {
            min_interval_ms: 0,
            ring_records: 3,
            topic_grace_ms: 60_000,
            ..Options::default()
        };
        Self {
            options,
            jobs: 1,
            watchers: 1,
            bells: 1,
            steps: 0,
            prompt: true,
            careless: false,
            calm: 0,
            signs_in: false,
            wire: 1_000,
        }
    }

    /// Settings by chance: bounds are small, so that they are reached.
    pub(crate) fn draw(chance: &mut Chance) -> Self {
        let mut of = |choices: &[u64]| chance.pick(choices).copied().unwrap_or_default();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let options = Options {
            heartbeat_ms: of(&[500, 5_000, 20_000]),
            min_interval_ms: of(&[0, 100, 100, 700]),
            max_subscriptions: u32::try_from(of(&[3, 6])).unwrap_or(6),
            ring_records: size(of(&[2, 3, 6, 20, 256])),
            ring_bytes: size(of(&[1_500, 6_000, 262_144, 262_144])),
            max_event_lag: of(&[3, 12, 65_536, 65_536]),
            max_jobs: size(of(&[2, 10_000, 10_000, 10_000])),
            survey_jobs: size(of(&[1, 1_000, 1_000])),
            inbox_records: size(of(&[1, 4, 65_536, 65_536])),
            topic_grace_ms: of(&[100, 100, 1_000, 30_000]),
            ..Options::default()
        };
        Self {
            options,
            jobs: size(of(&[1, 2, 4])),
            watchers: size(of(&[1, 2, 4])),
            bells: size(of(&[1, 2])),
            steps: size(of(&[100, 200, 400])),
            prompt: of(&[0, 0, 1]) == 1,
            careless: of(&[0, 0, 0, 1]) == 1,
            calm: of(&[1, 3, 10, 40]),
            signs_in: of(&[0, 1]) == 1,
            wire: size(of(&[1, 3, 10, 100])),
        }
    }
}
