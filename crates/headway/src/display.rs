//! Live bars for people, and plain lines where there is no terminal.

use std::collections::HashMap;
use std::time::Duration;

use headway_protocol::{Job, JobId, JobStatus};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::{output, text};

/// How often a job is mentioned where there is no terminal.
const MENTION: Duration = Duration::from_secs(10);
/// Steps of a bar: hundredths of a percent.
const FULL: u64 = 10_000;

/// Shows how jobs move, on standard error.
#[derive(Debug)]
pub(crate) struct Display {
    bars: MultiProgress,
    shown: HashMap<JobId, Shown>,
    live: bool,
}

#[derive(Debug)]
struct Shown {
    bar: ProgressBar,
    mentioned: Option<(Instant, JobStatus)>,
}

impl Display {
    pub(crate) fn new() -> Self {
        let live = output::is_live();
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), shown: HashMap::new(), live }
    }

    /// Shows a job as it is now.
    pub(crate) fn update(&mut self, job: &Job) {
        let bars = &self.bars;
        let shown = self
            .shown
            .entry(job.id.clone())
            .or_insert_with(|| Shown { bar: bars.add(ProgressBar::new(FULL)), mentioned: None });
        if self.live {
            draw(&shown.bar, job);
            return;
        }
        let now = Instant::now();
        let due = shown
            .mentioned
            .is_none_or(|(at, status)| status != job.status || now.duration_since(at) >= MENTION);
        if due {
            shown.mentioned = Some((now, job.status));
            output::say(&sentence(job));
        }
    }

    /// Says something above the bars.
    pub(crate) fn say(&self, message: &str) {
        self.bars.suspend(|| output::say(message));
    }

    /// Takes the bars away: what is said next says how it ended.
    pub(crate) fn finish(&self) {
        // A terminal that is gone needs no clearing.
        self.bars.clear().ok();
    }
}

fn draw(bar: &ProgressBar, job: &Job) {
    let template = match job.progress.percent {
        Some(_) => "{prefix} [{bar:28}] {msg}",
        None => "{prefix} {spinner} {msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    let name = job.name.as_deref().unwrap_or(job.id.as_str());
    bar.set_prefix(text::shorten(&text::plain(name), 32));
    bar.set_message(details(job));
    let percent = job.progress.percent.map_or(0.0, headway_protocol::Percent::value);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percent is from 0 to 100"
    )]
    bar.set_position((percent * 100.0) as u64);
    bar.tick();
}

/// How a job is, in a line without its name.
fn details(job: &Job) -> String {
    let mut parts = Vec::new();
    if let Some(percent) = job.progress.percent {
        parts.push(format!("{:.1} %", percent.value()));
    }
    parts.push(status_words(job).to_owned());
    if let Some(items) = job.items {
        let mut counts = vec![format!("{}/{}", items.finished(), items.total)];
        counts.extend((items.failed > 0).then(|| format!("{} failed", items.failed)));
        counts.extend((items.retrying > 0).then(|| format!("{} retrying", items.retrying)));
        parts.push(counts.join(", "));
    } else if let (Some(done), Some(total)) = (job.progress.done, job.progress.total) {
        parts.push(format!("{done}/{total} {}", job.progress.unit.as_deref().unwrap_or("")));
    }
    let counts = job.items.is_some() || job.progress.done.is_some();
    if let Some(rate) = job.progress.rate.filter(|_| counts && !job.status.is_terminal()) {
        parts.push(format!("{rate:.1}/s"));
    }
    if let Some(eta) = job.progress.eta_ms.filter(|_| !job.status.is_terminal()) {
        parts.push(format!("{} left", text::duration(eta)));
    }
    if let Some(cost) = cost(job) {
        parts.push(cost);
    }
    if let Some(message) = job.phase.as_ref().or(job.message.as_ref()) {
        parts.push(text::shorten(&text::plain(message), 60));
    }
    parts.iter().map(|part| part.trim()).collect::<Vec<_>>().join(" · ")
}

fn status_words(job: &Job) -> &'static str {
    if job.stalled { "stalled" } else { job.status.as_str() }
}

fn cost(job: &Job) -> Option<String> {
    let cost = job.cost.as_ref()?;
    let range = match (cost.forecast_low, cost.forecast_high) {
        (Some(low), Some(high)) if !job.status.is_terminal() => {
            format!(" of {}–{}", money(low), money(high))
        }
        (_, _) => String::new(),
    };
    let budget =
        cost.budget.map(|budget| format!(", budget {}", money(budget))).unwrap_or_default();
    Some(format!("{} {}{range}{budget}", cost.currency, money(cost.spent)))
}

/// An amount to two places, or to as many as it needs below a unit, at most four.
fn money(amount: headway_protocol::Amount) -> String {
    let units = amount.as_units();
    if units.abs() >= 1.0 {
        return format!("{units:.2}");
    }
    let mut text = format!("{units:.4}");
    while text.ends_with('0') && text.len() > "0.00".len() {
        text.pop();
    }
    text
}

/// A job in a sentence.
pub(crate) fn sentence(job: &Job) -> String {
    let name = job.name.as_deref().unwrap_or(job.id.as_str());
    format!("{}: {}", text::plain(name), details(job))
}

/// How a job ended, in a sentence.
pub(crate) fn verdict(job: &Job) -> String {
    let name = job.name.as_deref().map(text::plain).unwrap_or_default();
    let ended = match name.as_str() {
        "" => format!("{} {}", job.id, job.status),
        name => format!("{name} ({}) {}", job.id, job.status),
    };
    let mut words = Vec::new();
    if let Some(items) = job.items {
        words.push(format!("{} of {} succeeded", items.succeeded, items.total));
        for (count, what) in [
            (items.failed, "failed"),
            (items.skipped, "skipped"),
            (items.cancelled, "cancelled"),
            (items.expired, "expired"),
            (items.open(), "left"),
        ] {
            words.extend((count > 0).then(|| format!("{count} {what}")));
        }
    }
    if let (Some(started), Some(finished)) = (job.started_at, job.finished_at) {
        words.push(format!("in {}", text::duration(finished.since(started))));
    }
    words.extend(job.cost.as_ref().map(|cost| format!("{} {}", cost.currency, cost.spent)));
    let words = words.join(", ");
    let why = job.error.as_ref().map(|error| text::plain(&error.message));
    let parts = [ended, words, why.unwrap_or_default()];
    parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use headway_protocol::patch;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_batch_is_told_in_a_sentence() {
        let mut document = json!({
            "id": "bat_1", "kind": "k", "name": "scores", "status": "running", "attempt": 1,
            "owner": {"tenant": "default"}, "cursor": "0000000a-1",
            "created_at": "2026-01-10T09:30:00.000Z", "updated_at": "2026-01-10T09:30:00.000Z",
            "progress": {"percent": 50.0, "rate": 12.34, "eta_ms": 65_000},
            "items": {
                "total": 10, "queued": 3, "running": 2, "retrying": 0, "succeeded": 4,
                "failed": 1, "skipped": 0, "cancelled": 0, "expired": 0,
            },
            "cost": {"currency": "USD", "spent": "0.0123", "budget": "5.00"},
        });
        let job: Job = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(
            sentence(&job),
            "scores: 50.0 % · running · 5/10, 1 failed · 12.3/s · 1 min 5 s left · USD 0.0123, \
             budget 5.00"
        );
        let end = json!({
            "status": "cancelled", "error": {"code": "budget_reached", "message": "enough"},
            "started_at": "2026-01-10T09:30:00.000Z", "finished_at": "2026-01-10T09:30:02.000Z",
        });
        patch::apply(&mut document, &end);
        let job: Job = serde_json::from_value(document).unwrap();
        assert_eq!(
            verdict(&job),
            "scores (bat_1) cancelled: 4 of 10 succeeded, 1 failed, 5 left, in 2 s, USD 0.0123: enough"
        );
    }

    #[test]
    fn amounts_are_as_short_as_they_can_be_said() {
        for (amount, text) in [
            ("0", "0.00"),
            ("0.1", "0.10"),
            ("0.0123", "0.0123"),
            ("0.012", "0.012"),
            ("12.3456", "12.35"),
        ] {
            assert_eq!(money(amount.parse().unwrap()), text);
        }
    }
}
