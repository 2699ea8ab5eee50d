//! A hub, a store that lies as little as it may, and those who watch, on a virtual clock.
//!
//! One seed decides everything: the settings, every step, every fault. Nothing runs but when a step
//! says so: the hub's own tasks, the store's answers, the news, the bells, the wires. Owner of all of
//! them: the [`World`].

mod orders;
mod rest;
mod settings;
mod step;
mod tokens;
mod trace;
mod watcher;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use headway_hub::{Bell, Handle, Hub, Ring};
use headway_protocol::JobId;
use headway_store::intercept::Intercepted;
use headway_store::{Clock, Store};

pub use orders::{Orders, every_order};

use crate::chance::Chance;
use crate::clock::VirtualClock;
use crate::invariant::{Invariant, Violation};
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::producer::{SUBJECTS, TENANTS};
use crate::reader::{Counts, Reader};
use crate::store::{FaultStore, Faults};
use crate::viewer::Viewer;
use settings::Settings;
use tokens::Token;
use trace::Trace;
use watcher::Watcher;

/// Turns that the hub's tasks get to come to rest: they hand over at most one inbox each.
const TURNS: usize = 12;

/// What came of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The fingerprint of all that was done and sent.
    pub hash: u64,
    /// What the readers saw.
    pub counts: Counts,
    /// Connections that were cut.
    pub cuts: u64,
}

/// A seed that broke a promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// Which promise, and how.
    pub violation: Violation,
    /// The last steps before it, oldest first.
    pub steps: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        write!(f, "seed {}: {}", self.seed, self.violation)
    }
}

impl std::error::Error for Failure {}

/// Plays a seed to its end.
///
/// Fails when a promise is broken.
pub fn play(seed: u64) -> Result<Outcome, Box<Failure>> {
    play_with(seed, None)
}

/// Plays a seed with a deliberate mistake.
///
/// Fails when a promise is broken, as it should be.
pub fn play_with(seed: u64, mutation: Option<Mutation>) -> Result<Outcome, Box<Failure>> {
    let fail = |violation, steps| Box::new(Failure { seed, violation, steps });
    let runtime = still_runtime().map_err(|violation| fail(violation, Vec::new()))?;
    runtime.block_on(async {
        let mut world = World::new(seed, mutation).map_err(|violation| fail(violation, vec![]))?;
        match world.run().await {
            Ok(()) => Ok(world.outcome()),
            Err(violation) => Err(fail(violation, world.trace.report())),
        }
    })
}

/// A runtime whose time stands still until it is moved.
fn still_runtime() -> Result<tokio::runtime::Runtime, Violation> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Invariant::Bounded.broken(error.to_string()))
}

/// See the module.
struct World {
    chance: Chance,
    settings: Settings,
    mutation: Option<Mutation>,
    clock: Arc<VirtualClock>,
    ledger: Ledger,
    store: Arc<FaultStore>,
    hub: Handle,
    bells: Vec<Arc<Bell>>,
    /// Rings that their thread has not passed on yet, with the bell.
    rings: Vec<(usize, Ring)>,
    /// The last rings that were passed on: a late one must be harmless.
    old_rings: Vec<(usize, Ring)>,
    watchers: Vec<Watcher>,
    jobs: Vec<JobId>,
    /// The step at which a job moved last, late events after its end aside: those are no news to a
    /// selector.
    moved: BTreeMap<JobId, u64>,
    step: u64,
    /// Tokens that were sent; each is its number.
    tokens: Vec<Token>,
    /// The faults have stopped: no sign-in ends any more.
    is_quiet: bool,
    was_set_back: bool,
    cuts: u64,
    trace: Trace,
}

impl World {
    fn new(seed: u64, mutation: Option<Mutation>) -> Result<Self, Violation> {
        let mut chance = Chance::new(seed);
        let settings = Settings::draw(&mut chance);
        Self::with(settings, chance, mutation)
    }

    fn with(
        settings: Settings,
        mut chance: Chance,
        mutation: Option<Mutation>,
    ) -> Result<Self, Violation> {
        let clock = Arc::new(VirtualClock::default());
        let store = Arc::new(Intercepted(Faults::new(chance.number(), settings.prompt, mutation)));
        let hub = Hub::start(
            settings.options.clone(),
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&clock) as Arc<dyn Clock>,
        )
        .map_err(|error| Invariant::Bounded.broken(error.to_string()))?;
        let bells: Vec<_> = (0..settings.bells).map(|_| Bell::new(|| ())).collect();
        let jobs =
            (1..=settings.jobs).filter_map(|number| format!("job_{number}").parse().ok()).collect();
        let watchers = (0..settings.watchers)
            .map(|_| {
                let tenant = if chance.one_in(6) { TENANTS[1] } else { TENANTS[0] };
                let subject = if chance.one_in(5) { None } else { chance.pick(&SUBJECTS) };
                let person = Viewer::of_subject(tenant, subject.copied());
                Watcher {
                    reader: Reader::new(person.clone()),
                    person,
                    renewed: false,
                    bell: chance.place(bells.len()),
                    key: 0,
                    line: None,
                    names: 0,
                    standing: BTreeMap::new(),
                    content: false,
                }
            })
            .collect();
        let mut trace = Trace::default();
        trace.note(format!("{settings:?}"));
        Ok(Self {
            chance,
            mutation,
            clock,
            ledger: Ledger::new(settings.options.min_interval_ms),
            store,
            hub,
            bells,
            rings: Vec::new(),
            old_rings: Vec::new(),
            watchers,
            jobs,
            moved: BTreeMap::new(),
            step: 0,
            tokens: Vec::new(),
            is_quiet: false,
            was_set_back: false,
            cuts: 0,
            trace,
            settings,
        })
    }

    async fn run(&mut self) -> Result<(), Violation> {
        for job in self.jobs.clone() {
            self.move_job(&job);
        }
        for who in 0..self.watchers.len() {
            self.connect(who);
        }
        for _ in 0..self.settings.steps {
            self.step += 1;
            self.one_step().await?;
        }
        self.come_to_rest().await
    }

    fn outcome(&self) -> Outcome {
        let mut counts = Counts::default();
        for watcher in &self.watchers {
            counts.add(&watcher.reader.counts());
        }
        Outcome { hash: self.trace.hash(), counts, cuts: self.cuts }
    }

    /// Lets the hub's own tasks run.
    async fn run_hub(&mut self, turns: usize) {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        let mut rings = Vec::new();
        for (place, bell) in self.bells.iter().enumerate() {
            bell.take(&mut rings);
            let lossy = self.mutation == Some(Mutation::DropsARing);
            let chance = &mut self.chance;
            let heard = rings.drain(..).filter(|_| !(lossy && chance.one_in(3)));
            self.rings.extend(heard.map(|ring| (place, ring)));
        }
    }

    /// Lets time pass, for the hub's timers as well.
    async fn pass(&mut self, millis: u64) {
        self.clock.pass(millis);
        self.end_sign_ins();
        tokio::time::advance(std::time::Duration::from_millis(millis)).await;
        self.run_hub(TURNS).await;
    }

    /// Passes a ring on to its session.
    fn pass_on(&mut self, place: usize) {
        if place >= self.rings.len() {
            return;
        }
        let (bell, ring) = self.rings.remove(place);
        self.hear(bell, ring);
        self.old_rings.push((bell, ring));
        if self.old_rings.len() > 8 {
            self.old_rings.remove(0);
        }
    }

    fn hear(&mut self, bell: usize, ring: Ring) {
        let of = |watcher: &&mut Watcher| {
            watcher.bell == bell && watcher.key == ring.session && watcher.line.is_some()
        };
        if let Some(watcher) = self.watchers.iter_mut().find(of)
            && let Some(line) = &mut watcher.line
        {
            line.session().handle_ring(ring);
        }
    }
}
