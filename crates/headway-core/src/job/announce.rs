//! What of a job's life is announced to webhooks.

use headway_protocol::event::SystemEvent;
use headway_protocol::webhook::WebhookEvent;
use headway_protocol::{Event, EventKind, JobStatus};

/// What an event means to those who follow a job from far: `None` when it is part of the ordinary
/// course. `before` and `after` are the job's statuses around it.
///
/// The ends, the beginning and standing still are what the status shows, whichever event led there;
/// going on, trying again and warnings are events of their own.
pub fn announced(before: JobStatus, event: &Event, after: JobStatus) -> Option<WebhookEvent> {
    match &event.what {
        EventKind::System(SystemEvent::Resumed { .. }) => return Some(WebhookEvent::Resumed),
        EventKind::System(SystemEvent::Retried { .. }) => return Some(WebhookEvent::Retried),
        EventKind::System(SystemEvent::BudgetWarning { .. }) => {
            return Some(WebhookEvent::BudgetWarning);
        }
        EventKind::System(
            SystemEvent::Created { .. }
            | SystemEvent::Queued { .. }
            | SystemEvent::Requested(_)
            | SystemEvent::Withdrawn { .. }
            | SystemEvent::Stopping { .. }
            | SystemEvent::Paused { .. }
            | SystemEvent::Cancelled { .. }
            | SystemEvent::Expired {}
            | SystemEvent::Stalled {}
            | SystemEvent::Items(_)
            | SystemEvent::Priced { .. },
        )
        | EventKind::Report(_) => {}
    }
    if before == after {
        return None;
    }
    match after {
        JobStatus::Completed => Some(WebhookEvent::Completed),
        JobStatus::Failed => Some(WebhookEvent::Failed),
        JobStatus::Cancelled => Some(WebhookEvent::Cancelled),
        JobStatus::Expired => Some(WebhookEvent::Expired),
        JobStatus::Paused => Some(WebhookEvent::Paused),
        JobStatus::Running => matches!(before, JobStatus::Pending | JobStatus::Queued)
            .then_some(WebhookEvent::Started),
        JobStatus::Pending | JobStatus::Queued | JobStatus::Pausing | JobStatus::Cancelling => None,
    }
}

#[cfg(test)]
mod tests {
    use headway_protocol::event::ItemsMoved;
    use headway_protocol::{Amount, JobError, Percent, Report, Timestamp};

    use super::*;

    fn check(before: JobStatus, what: EventKind, after: JobStatus, expected: Option<WebhookEvent>) {
        let event = Event { at: Timestamp::from_millis(1), producer: None, what };
        assert_eq!(announced(before, &event, after), expected, "{before}, {event:?}, {after}");
    }

    #[test]
    fn what_a_job_lives_through_is_announced_once() {
        use JobStatus::{
            Cancelled, Cancelling, Completed, Expired, Failed, Paused, Pausing, Pending, Queued,
            Running,
        };
        let system = EventKind::System;
        let start = || EventKind::Report(Report::Start {});
        let log = || EventKind::Report(Report::Phase { name: "p".to_owned() });
        check(Pending, system(SystemEvent::Queued { items: None }), Queued, None);
        check(Queued, start(), Running, Some(WebhookEvent::Started));
        check(Pending, start(), Running, Some(WebhookEvent::Started));
        check(Pending, log(), Running, Some(WebhookEvent::Started));
        check(Running, log(), Running, None);
        check(Running, system(SystemEvent::Stalled {}), Running, None);
        check(
            Running,
            system(SystemEvent::Stopping { reason: JobError::fatal("b", "b") }),
            Pausing,
            None,
        );
        check(Pausing, system(SystemEvent::Items(ItemsMoved::default())), Pausing, None);
        check(
            Pausing,
            system(SystemEvent::Paused { reason: None }),
            Paused,
            Some(WebhookEvent::Paused),
        );
        // A producer that goes on by itself after it was to pause has not been paused.
        check(
            Pausing,
            system(SystemEvent::Withdrawn {
                command: "c".to_owned(),
                action: headway_protocol::Action::Pause,
            }),
            Running,
            None,
        );
        check(
            Paused,
            system(SystemEvent::Resumed { budget: None }),
            Running,
            Some(WebhookEvent::Resumed),
        );
        check(
            Running,
            EventKind::Report(Report::Complete { result: None }),
            Completed,
            Some(WebhookEvent::Completed),
        );
        check(
            Running,
            system(SystemEvent::Items(ItemsMoved::default())),
            Failed,
            Some(WebhookEvent::Failed),
        );
        check(
            Cancelling,
            system(SystemEvent::Cancelled { reason: None }),
            Cancelled,
            Some(WebhookEvent::Cancelled),
        );
        check(Running, system(SystemEvent::Expired {}), Expired, Some(WebhookEvent::Expired));
        let retried = SystemEvent::Retried { attempt: 2, status: Queued, items: None };
        check(Failed, system(retried), Queued, Some(WebhookEvent::Retried));
        let warning = SystemEvent::BudgetWarning {
            percent: Percent::FULL,
            committed: Amount::ZERO,
            budget: Amount::ZERO,
            soft: false,
        };
        check(Running, system(warning), Running, Some(WebhookEvent::BudgetWarning));
    }
}
