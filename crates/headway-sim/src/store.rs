//! A store whose answers and news come when the simulation says.
//!
//! It keeps the port's promises, and no more than those: an answer shows some moment between its
//! question and itself, news come in any order and number, a read can fail. What it holds is a
//! [`MemoryStore`]. Owner: the world.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use headway_protocol::JobId;
use headway_store::intercept::{Intercept, Intercepted};
use headway_store::memory::MemoryStore;
use headway_store::{
    Append, AppendError, Appended, Expected, History, ListPage, ListQuery, Record, Sink, Store,
    StoreError, Stored,
};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::chance::Chance;
use crate::mutation::Mutation;

/// What the sinks are told.
#[derive(Clone, Debug)]
enum News {
    Appended(Appended),
    Removed(JobId),
}

/// What waits for the simulation, and how it treats what comes.
struct State {
    /// Questions without an answer yet, by number.
    waiting: BTreeMap<u64, oneshot::Sender<bool>>,
    asked: u64,
    /// News that nobody was told yet, in the order of what happened.
    news: VecDeque<News>,
    sinks: Vec<Arc<dyn Sink>>,
    trimmed: BTreeMap<JobId, u64>,
    /// Whether questions are answered at once.
    prompt: bool,
    chance: Chance,
    mutation: Option<Mutation>,
    /// Records of the mutation that skips one, by job.
    skipped: BTreeSet<(JobId, u64)>,
}

/// See the module.
pub(crate) type FaultStore = Intercepted<Faults>;

/// What stands in the way of the store.
pub(crate) struct Faults {
    inner: MemoryStore,
    state: Mutex<State>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    /// An empty store with chances of its own. `prompt`: questions are answered at once.
    pub(crate) fn new(seed: u64, prompt: bool, mutation: Option<Mutation>) -> Self {
        let state = State {
            waiting: BTreeMap::new(),
            asked: 0,
            news: VecDeque::new(),
            sinks: Vec::new(),
            trimmed: BTreeMap::new(),
            prompt,
            chance: Chance::new(seed),
            mutation,
            skipped: BTreeSet::new(),
        };
        Self { inner: MemoryStore::new(), state: Mutex::new(state) }
    }

    /// Appends without anybody hearing of it yet.
    pub(crate) fn write(&self, append: Append) -> Result<(), AppendError> {
        let Append { job, expected, record, facets, .. } = &append;
        let (job, record, facets) = (job.clone(), Arc::clone(record), Arc::clone(facets));
        let expected = *expected;
        if matches!(expected, Expected::Absent { .. }) {
            self.tell_removal(&job);
        }
        let mut outcomes = self.inner.append(vec![append]).now_or_never().unwrap_or_default();
        outcomes.pop().unwrap_or(Ok(()))?;
        let epoch = match expected {
            Expected::Absent { epoch } => Some(epoch),
            Expected::At(_) => {
                let stored = self.inner.load(&job).now_or_never();
                stored.and_then(Result::ok).flatten().map(|stored| stored.cursor.epoch)
            }
        };
        let Some(epoch) = epoch else { return Ok(()) };
        let cursor = headway_protocol::Cursor { epoch, offset: record.to };
        let mut state = self.state.lock();
        if matches!(expected, Expected::Absent { .. }) {
            state.trimmed.remove(&job);
        }
        state.news.push_back(News::Appended(Appended { job, cursor, record, facets }));
        Ok(())
    }

    /// How many news nobody was told yet.
    pub(crate) fn untold(&self) -> usize {
        self.state.lock().news.len()
    }

    /// Whether the oldest news are of a job that has ended, or is gone. Told twice they would be
    /// shown twice: a selector keeps no memory of what is over.
    pub(crate) fn next_ends(&self) -> bool {
        self.state.lock().news.front().is_some_and(|news| match news {
            News::Appended(appended) => appended.facets.status.is_terminal(),
            News::Removed(_) => true,
        })
    }

    /// Tells the oldest news, or one of the others; `keep`: it will be told again.
    pub(crate) fn tell(&self, place: usize, keep: bool) {
        let (news, sinks) = {
            let mut state = self.state.lock();
            let Some(news) = state.news.get(place).cloned() else { return };
            if !keep {
                state.news.remove(place);
            }
            (news, state.sinks.clone())
        };
        self.pass_on(vec![news], &sinks);
    }

    /// Tells everything at once.
    pub(crate) fn tell_all(&self) {
        let (news, sinks) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.news), state.sinks.clone())
        };
        self.pass_on(news, &sinks);
    }

    /// Whoever removed a job was answered before its name is given again, and so the sinks were told.
    fn tell_removal(&self, job: &JobId) {
        let (news, sinks) = {
            let mut state = self.state.lock();
            let removal = |news: &News| matches!(news, News::Removed(removed) if removed == job);
            let Some(place) = state.news.iter().rposition(removal) else { return };
            (state.news.drain(..=place).collect::<Vec<_>>(), state.sinks.clone())
        };
        self.pass_on(news, &sinks);
    }

    /// Tells news in their order, as many together as can be.
    fn pass_on(&self, news: impl IntoIterator<Item = News>, sinks: &[Arc<dyn Sink>]) {
        let wake = |appended: &mut Vec<Appended>| {
            for sink in sinks.iter().filter(|_| !appended.is_empty()) {
                sink.wake(appended);
            }
            appended.clear();
        };
        let mut appended = Vec::new();
        for news in news {
            match news {
                News::Appended(record) => appended.push(self.altered(record)),
                News::Removed(job) => {
                    wake(&mut appended);
                    for sink in sinks {
                        sink.removed(std::slice::from_ref(&job));
                    }
                }
            }
        }
        wake(&mut appended);
    }

    /// News that are never told. That a job is gone always is: no later news would say so.
    pub(crate) fn lose(&self, place: usize) {
        let mut state = self.state.lock();
        if let Some(News::Appended(_)) = state.news.get(place) {
            state.news.remove(place);
        }
    }

    /// How many questions wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Answers a question, or lets it fail.
    pub(crate) fn answer(&self, place: usize, succeeds: bool) {
        let sender = {
            let mut state = self.state.lock();
            let Some(number) = state.waiting.keys().nth(place).copied() else { return };
            state.waiting.remove(&number)
        };
        if let Some(sender) = sender {
            // Whoever asked may be gone.
            let _gone = sender.send(succeeds);
        }
    }

    /// From now on questions are answered at once, also those that wait.
    pub(crate) fn be_prompt(&self) {
        let waiting = {
            let mut state = self.state.lock();
            state.prompt = true;
            std::mem::take(&mut state.waiting)
        };
        for sender in waiting.into_values() {
            let _gone = sender.send(true);
        }
    }

    /// The log of a job is known to begin after this position.
    pub(crate) fn trim(&self, job: &JobId, to: u64) {
        self.state.lock().trimmed.insert(job.clone(), to);
    }

    /// Removes a job without anybody hearing of it yet.
    pub(crate) fn forget(&self, job: &JobId) {
        let known = self.inner.load(job).now_or_never().and_then(Result::ok).flatten().is_some();
        let _removed = self.inner.remove(std::slice::from_ref(job)).now_or_never();
        let mut state = self.state.lock();
        state.trimmed.remove(job);
        if known {
            state.news.push_back(News::Removed(job.clone()));
        }
    }

    /// A question that waits for its answer, and whether it is looked up at once; `None` when
    /// questions are answered at once.
    fn note_question(&self) -> Option<(oneshot::Receiver<bool>, bool)> {
        let mut state = self.state.lock();
        if state.prompt {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.asked += 1;
        let number = state.asked;
        state.waiting.retain(|_, sender| !sender.is_closed());
        state.waiting.insert(number, sender);
        Some((receiver, state.chance.one_in(2)))
    }

    /// Waits for the simulation; the question is looked up before or after, by chance.
    async fn ask<T>(
        &self,
        doing: &'static str,
        look: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let Some((receiver, early)) = self.note_question() else { return look.await };
        let failed = || StoreError::Failed { doing, detail: "it was told to".to_owned() };
        if early {
            let found = look.await;
            return if receiver.await.unwrap_or(true) { found } else { Err(failed()) };
        }
        if receiver.await.unwrap_or(true) { look.await } else { Err(failed()) }
    }

    fn altered(&self, mut news: Appended) -> Appended {
        if self.state.lock().mutation == Some(Mutation::LosesAPatch)
            && news.record.from > 0
            && news.record.to.is_multiple_of(5)
        {
            let record = Record { patch: Box::default(), ..(*news.record).clone() };
            let empty = serde_json::value::RawValue::from_string("{}".to_owned());
            let patch = empty.unwrap_or_default();
            news.record = Arc::new(Record { patch, ..record });
        }
        news
    }

    async fn page(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        let trimmed_to = self.state.lock().trimmed.get(job).copied().unwrap_or_default();
        let Some(mut history) = self.inner.read(job, after.max(trimmed_to), max_events).await?
        else {
            return Ok(None);
        };
        history.trimmed_to = trimmed_to;
        let mut state = self.state.lock();
        match state.mutation {
            Some(Mutation::HidesTheTrim) => history.trimmed_to = 0,
            Some(Mutation::ReadsAnotherEvent) => {
                for record in &mut history.records {
                    let mut other = (**record).clone();
                    other.events.reverse();
                    *record = Arc::new(other);
                }
            }
            Some(Mutation::SkipsARecord) => {
                let place = history.records.iter().position(|record| record.to % 7 == 0);
                if let Some(record) = place.map(|place| history.records.remove(place)) {
                    state.skipped.insert((job.clone(), record.to));
                }
            }
            Some(Mutation::LosesAPatch) | None => {}
            Some(other) => debug_assert!(other.is_on_the_wire(), "{other:?}"),
        }
        Ok(Some(history))
    }
}

#[async_trait]
impl Intercept for Faults {
    fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    async fn append(&self, appends: Vec<Append>) -> Vec<Result<(), AppendError>> {
        appends.into_iter().map(|append| self.write(append)).collect()
    }

    async fn load(&self, job: &JobId) -> Result<Option<Stored>, StoreError> {
        self.ask("load", self.inner.load(job)).await
    }

    async fn read(
        &self,
        job: &JobId,
        after: u64,
        max_events: usize,
    ) -> Result<Option<History>, StoreError> {
        self.ask("read", self.page(job, after, max_events)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<ListPage, StoreError> {
        self.ask("list", self.inner.list(query)).await
    }

    async fn trim_log(&self, job: &JobId, before: u64) -> Result<Option<u64>, StoreError> {
        let begin = self.inner.trim(job, before).await?;
        if let Some(begin) = begin {
            self.trim(job, begin);
        }
        Ok(begin)
    }

    async fn remove(&self, jobs: &[JobId]) -> Result<(), StoreError> {
        for job in jobs {
            self.forget(job);
        }
        Ok(())
    }

    fn attach(&self, sink: Arc<dyn Sink>) {
        self.state.lock().sinks.push(sink);
    }
}
