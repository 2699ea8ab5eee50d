//! Jobs, and what is asked of them.

use axum::routing::{get, post};
use headway_access::Act;
use headway_protocol::Action;
use headway_protocol::report::SequencedReport;
use headway_protocol::request::{CreateJob, HistoryPage, JobPage, RecordPage, ReportReply};
use schemars::SchemaGenerator;

use super::{
    Content, DOCUMENT, DOCUMENT_REPLIES, IDEMPOTENCY, IF_NONE_MATCH, LIMIT, Load, Reply, Route,
    Rule, STATUS, command, json, parameter, plain,
};
use crate::handlers::{commands, events, jobs};

const REPORT: Content = json(|generator| {
    let event = generator.subschema_for::<SequencedReport>();
    schemars::json_schema!({ "anyOf": [event, { "type": "array", "items": event }] })
});

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/api/v1/jobs",
        operation: "createJob",
        rule: Rule::May(Act::Create),
        load: Load::Job,
        summary: "Create a job",
        parameters: &[],
        headers: IDEMPOTENCY,
        body: &[json(SchemaGenerator::subschema_for::<CreateJob>)],
        replies: &[Reply { status: 201, summary: "The new job", contents: &[DOCUMENT] }],
        handler: || post(jobs::create),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs",
        operation: "listJobs",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "List jobs, newest first",
        parameters: &[
            STATUS,
            parameter("kind", "Only of this kind"),
            parameter("session", "Only of this session"),
            parameter("tag", "Only with this tag"),
            parameter(
                "text",
                "Only with each of these words in its id, name, kind, session or tags, large and \
                 small letters alike; at most 256 characters. A request looks through at most 5000 \
                 jobs: `next` may come with few of them or none, go on with it",
            ),
            parameter("page", "The `next` of the page before"),
            LIMIT,
        ],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page",
            contents: &[json(SchemaGenerator::subschema_for::<JobPage>)],
        }],
        handler: || get(jobs::list),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}",
        operation: "getJob",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "Show a job",
        parameters: &[],
        headers: IF_NONE_MATCH,
        body: &[],
        replies: DOCUMENT_REPLIES,
        handler: || get(jobs::show),
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{id}/events",
        operation: "reportEvents",
        rule: Rule::May(Act::Report),
        load: Load::Light,
        summary: "Report events of a job: all are applied, or none",
        parameters: &[],
        headers: &[
            parameter("Producer-Id", "The producer's name for itself"),
            parameter("Producer-Seq", "Its number for this request; a repeat changes nothing"),
        ],
        body: &[REPORT, plain("application/x-ndjson")],
        replies: &[Reply {
            status: 200,
            summary: "Durable; commands that wait for the worker are in the reply",
            contents: &[json(SchemaGenerator::subschema_for::<ReportReply>)],
        }],
        handler: || post(events::append),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}/events",
        operation: "listEvents",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "Read a job's history, from its beginning or back from its end",
        parameters: &[
            parameter("after", "A cursor; events after it"),
            parameter("before", "A cursor, events before it; or `latest`, the newest ones"),
            parameter(
                "types",
                "Only events of these types, such as `log`, at most 32 with commas between. A request \
                 looks at up to 10000 events: a page may come with few of them or none and still \
                 lead on",
            ),
            LIMIT,
        ],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page, or its events one a line, where the header `Link` leads on; they are in \
                      their order either way",
            contents: &[
                json(SchemaGenerator::subschema_for::<HistoryPage>),
                plain("application/x-ndjson"),
            ],
        }],
        handler: || get(events::history),
    },
    Route {
        method: "GET",
        path: "/api/v1/jobs/{id}/records",
        operation: "listRecords",
        rule: Rule::May(Act::Watch),
        load: Load::Light,
        summary: "Read how a job's document changed, oldest first",
        parameters: &[
            parameter("after", "The `next` of the page before, or any cursor of the job"),
            LIMIT,
        ],
        headers: &[],
        body: &[],
        replies: &[Reply {
            status: 200,
            summary: "A page, of about 1 MiB at the most",
            contents: &[json(SchemaGenerator::subschema_for::<RecordPage>)],
        }],
        handler: || get(events::records),
    },
    command(
        Action::Cancel,
        "/api/v1/jobs/{id}/cancel",
        "cancelJob",
        "Ask a job to stop for good",
        || commands::handler(Action::Cancel),
    ),
    command(
        Action::Pause,
        "/api/v1/jobs/{id}/pause",
        "pauseJob",
        "Ask a job to stand still",
        || commands::handler(Action::Pause),
    ),
    command(
        Action::Resume,
        "/api/v1/jobs/{id}/resume",
        "resumeJob",
        "Ask a job to go on, with a larger budget if one is given",
        || commands::handler(Action::Resume),
    ),
    command(
        Action::Retry,
        "/api/v1/jobs/{id}/retry",
        "retryJob",
        "Begin a new attempt of an ended job",
        || commands::handler(Action::Retry),
    ),
];
