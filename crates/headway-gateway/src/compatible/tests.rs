//! What each format says of a document, as tables.

use headway_hub::Telling;
use headway_protocol::{CloseCode, Cursor, JobStatus};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::document::Document;
use super::{Format, analysis, job_progress, session};

const AT: &str = "2026-01-10T09:30:00.000Z";

/// A document of a status, with some members more.
fn document(status: &str, more: &Value) -> Value {
    let mut document = json!({
        "id": "job_1", "kind": "analysis", "status": status, "attempt": 1, "progress": {},
        "owner": {"tenant": "default"}, "created_at": AT, "updated_at": AT,
    });
    headway_protocol::patch::apply(&mut document, more);
    document
}

fn raw(event: &Value) -> Box<RawValue> {
    to_raw_value(event).unwrap()
}

#[test]
fn every_status_has_its_message_in_the_analysis_format() {
    let check = |status: &str, more: Value, expected: Value| {
        let document = document(status, &more);
        let mut expected = expected;
        expected["timestamp"] = json!(AT);
        let said = analysis::message(Document(&document), std::iter::empty());
        assert_eq!(said, expected, "{status}");
    };
    let progress =
        |progress: f64, phase: &str| json!({"type":"progress","progress":progress,"phase":phase});
    let half = json!({"progress":{"percent":50.5},"phase":"analyzing_transfers"});
    check("pending", json!({}), progress(0.0, "queued"));
    check("queued", json!({}), progress(0.0, "queued"));
    check("running", json!({}), progress(0.0, "running"));
    for status in ["running", "pausing", "paused", "cancelling"] {
        check(status, half.clone(), progress(50.5, "analyzing_transfers"));
    }
    let results = json!({"a":{"b":[1,{"c":"d"}]}});
    check("completed", json!({"result":results}), json!({"type":"complete","results":results}));
    check("completed", json!({}), json!({"type":"complete","results":null}));
    let error = json!({"error":{"code":"x","message":"no data"}});
    for (status, more, message) in [
        ("failed", error.clone(), "no data"),
        ("failed", json!({}), "it failed"),
        ("cancelled", json!({}), "it was cancelled"),
        ("cancelled", error, "no data"),
        ("expired", json!({}), "its time ran out"),
    ] {
        check(status, more, json!({"type":"error","message":message}));
    }
}

#[test]
fn results_are_those_of_the_newest_report() {
    let events = [
        json!({"type":"complete","at":AT,"result":{"attempt":1}}),
        json!({"type":"retried","at":AT}),
        json!({"type":"complete","at":AT,"result":{"attempt":2,"chip":null}}),
        json!({"type":"log","at":AT,"message":"late"}),
    ]
    .map(|event| raw(&event));
    let document = document("completed", &json!({"result":{"attempt":2}}));
    let said = analysis::message(Document(&document), events.iter().map(|event| &**event));
    assert_eq!(said["results"], json!({"attempt":2,"chip":null}));
    let bare = [raw(&json!({"type":"complete","at":AT}))];
    let said = analysis::message(Document(&document), bare.iter().map(|event| &**event));
    assert_eq!(said["results"], Value::Null);
}

#[test]
fn an_analysis_is_shown_with_what_there_is_of_it() {
    let shown = |status: &str, more: Value| {
        analysis::answer(Document(&document(status, &more)), std::iter::empty())
    };
    let queued = json!({"analysis_id":"job_1","status":"queued","progress":0.0,"phase":"queued",
        "created_at":AT,"updated_at":AT});
    assert_eq!(shown("pending", json!({})), queued);
    let failed = shown("expired", json!({"progress":{"percent":30},"finished_at":AT}));
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["progress"], 30.0);
    assert_eq!(failed["error"], "its time ran out");
    assert_eq!(failed["completed_at"], AT);
    assert!(failed.get("results").is_none());
}

/// The five calls with which the older service's worker told of a job, as what Headway's log makes of
/// the document.
#[test]
fn every_call_of_a_job_s_life_has_its_message_in_the_job_progress_format() {
    let metadata = json!({"queue":"documents"});
    let check = |call: &str, status: &str, more: Value, expected: Value| {
        let document = document(status, &more);
        let mut expected = expected;
        expected["job_id"] = json!("job_1");
        expected["timestamp"] = json!(AT);
        assert_eq!(job_progress::message(Document(&document)), expected, "{call}");
    };
    check(
        "mark_queued",
        "queued",
        json!({"metadata":metadata,"queued_at":AT}),
        json!({"status":"QUEUED","progress":null,"message":null,"metadata":metadata}),
    );
    check(
        "mark_started",
        "running",
        json!({"started_at":AT}),
        json!({"status":"IN_PROGRESS","progress":0.0,"message":null,"metadata":null}),
    );
    check(
        "mark_progress",
        "running",
        json!({"progress":{"percent":42.5},"message":"Parsing page 17","metadata":{"page":17}}),
        json!({"status":"IN_PROGRESS","progress":42.5,"message":"Parsing page 17",
            "metadata":{"page":17}}),
    );
    check(
        "mark_progress of a stage",
        "running",
        json!({"progress":{"percent":42.5},"phase":"parsing"}),
        json!({"status":"IN_PROGRESS","progress":42.5,"message":"parsing","metadata":null}),
    );
    check(
        "mark_completed",
        "completed",
        json!({"progress":{"percent":98},"finished_at":AT}),
        json!({"status":"COMPLETED","progress":100.0,"message":null,"metadata":null}),
    );
    let error = json!({"code":"bad_file","message":"the file is empty","retryable":false});
    check(
        "mark_failed",
        "failed",
        json!({"progress":{"percent":10},"message":"Parsing page 1","error":error,"metadata":{"page":1}}),
        json!({"status":"FAILED","progress":10.0,"message":"the file is empty",
            "metadata":{"page":1,"error":error}}),
    );
    // What the format lacks.
    check(
        "created",
        "pending",
        json!({}),
        json!({"status":"PENDING","progress":null,"message":null,"metadata":null}),
    );
    for status in ["pausing", "paused", "cancelling"] {
        check(
            status,
            status,
            json!({"progress":{"percent":5}}),
            json!({"status":"IN_PROGRESS","progress":5.0,"message":null,"metadata":null}),
        );
    }
    for (status, message) in [("cancelled", "it was cancelled"), ("expired", "its time ran out")] {
        check(
            status,
            status,
            json!({}),
            json!({"status":"FAILED","progress":null,"message":message,"metadata":null}),
        );
    }
}

/// What the session format says of a document and of events.
fn session_message(document: &Value, events: &[Value], missed: u64) -> Value {
    let cursor = Cursor { epoch: 1, offset: 40 };
    let events: Vec<_> = events.iter().map(raw).collect();
    let events: Vec<_> = events.iter().map(|event| (cursor, &**event)).collect();
    session::message(&Telling { document, cursor, events: &events, missed })
}

fn step(index: u32, name: &str, status: &str, from: u32, to: Option<u32>) -> Value {
    let at = |minute: u32| format!("2026-01-10T09:{minute:02}:00.000Z");
    let mut step = json!({"index":index,"name":name,"status":status,"weight":1.0,
        "role":"agent","started_at":at(from)});
    if let Some(to) = to {
        step["finished_at"] = json!(at(to));
    }
    step
}

#[test]
fn a_transaction_says_who_works_at_what_and_in_which_order() {
    let steps = json!({
        "research": step(0, "ResearchAgent", "completed", 10, Some(12)),
        "market": step(1, "MarketAgent", "running", 11, None),
        "analyst": step(2, "AnalystAgent", "running", 12, None),
        "report": {"index":3,"name":"ReportingAgent","status":"pending","weight":1.0,"role":"agent"},
        "phase": {"index":4,"name":"a phase","status":"running","weight":1.0,"role":"phase","started_at":AT},
        "fetch": {"index":5,"name":"Fetching info","status":"running","weight":1.0,"parent":"market","started_at":AT},
    });
    let mut steps = steps;
    steps["analyst"]["tasks"] = json!(["Reading", "Weighing"]);
    let document = document("running", &json!({"session":"s","steps":steps}));
    let said = session_message(&document, &[], 3);
    let expected = json!({
        "type": "progress_update", "session_id": "s", "transaction_id": "job_1",
        "status": "running", "current_agent": "AnalystAgent",
        "current_tasks": {"AnalystAgent":["Reading","Weighing"],"MarketAgent":["Fetching info"]},
        "progress_events": [], "missed_events": 3,
        "execution_order": [
            {"agent":"ResearchAgent","status":"completed","start_time":1_768_036_200.0,
             "end_time":1_768_036_320.0,"duration":120.0},
            {"agent":"MarketAgent","status":"running","start_time":1_768_036_260.0,
             "end_time":null,"duration":null},
            {"agent":"AnalystAgent","status":"running","start_time":1_768_036_320.0,
             "end_time":null,"duration":null},
        ],
        "last_event": format!("job_1@{}", Cursor { epoch: 1, offset: 40 }), "timestamp": AT,
    });
    assert_eq!(said, expected);
}

#[test]
fn where_no_step_says_that_it_is_an_agent_those_at_the_top_are() {
    let steps = json!({
        "parse": {"index":0,"name":"parse","status":"running","weight":1.0,"started_at":AT},
        "page": {"index":1,"name":"page","status":"running","weight":1.0,"parent":"parse","started_at":AT},
    });
    let said = session_message(&document("running", &json!({"steps":steps})), &[], 0);
    assert_eq!(said["current_agent"], "parse");
    assert_eq!(said["current_tasks"], json!({"parse":["page"]}));
    let idle = session_message(&document("queued", &json!({})), &[], 0);
    assert_eq!((&idle["current_agent"], &idle["current_tasks"]), (&Value::Null, &json!({})));
    assert_eq!(idle["execution_order"], json!([]));
}

#[test]
fn an_event_says_which_of_the_agents_its_agent_was_to_begin() {
    // Phases and tasks are steps as well, and agents begin in another order than they are named in.
    let steps = json!({
        "gather": {"index":0,"name":"gathering","status":"completed","weight":1.0,"role":"phase",
                   "started_at":"2026-01-10T09:05:00.000Z"},
        "report": {"index":1,"name":"ReportingAgent","status":"pending","weight":1.0,"role":"agent"},
        "market": step(2, "MarketAgent", "running", 11, None),
        "fetch": {"index":3,"name":"Fetching info","status":"running","weight":1.0,
                  "parent":"market","started_at":AT},
        "research": step(4, "ResearchAgent", "completed", 10, Some(12)),
        "analyst": step(5, "AnalystAgent", "running", 11, None),
    });
    let document = document("running", &json!({"session":"s","steps":steps}));
    for (key, order, agent) in [
        ("research", 0, "ResearchAgent"),
        ("market", 1, "MarketAgent"),
        ("fetch", 1, "MarketAgent"),
        ("analyst", 2, "AnalystAgent"),
        ("report", 3, "ReportingAgent"),
        ("gather", 0, "gathering"),
    ] {
        let event = json!({"type":"step_update","step":key,"message":"on","at":AT});
        let said = session_message(&document, &[event], 0);
        let told = &said["progress_events"][0];
        assert_eq!((&told["agent"], &told["execution_order"]), (&json!(agent), &json!(order)));
        if let Some(listed) = said["execution_order"].get(order).filter(|_| key != "gather") {
            assert_eq!(listed["agent"], agent, "it is the agent's place in the list");
        }
    }
}

#[test]
fn one_agent_that_works_at_two_steps_is_told_with_the_tasks_of_both() {
    let worker = |index: u32, task: &str| {
        json!({"index":index,"name":"ResearchAgent","role":"agent","status":"running","weight":1.0,
               "started_at":AT,"tasks":[task]})
    };
    let steps = json!({ "a": worker(0, "Reading"), "b": worker(1, "Weighing") });
    let said = session_message(&document("running", &json!({"steps":steps})), &[], 0);
    assert_eq!(said["current_tasks"], json!({"ResearchAgent":["Reading","Weighing"]}));
}

#[test]
fn each_event_is_told_in_the_words_of_the_session_format() {
    let steps = json!({
        "research": step(0, "ResearchAgent", "completed", 10, Some(12)),
        "market": step(1, "MarketAgent", "running", 11, None),
        "analyst": step(2, "AnalystAgent", "running", 12, None),
        "fetch": {"index":3,"name":"Fetching info","status":"running","weight":1.0,
                  "parent":"market","started_at":AT},
    });
    let document = document("running", &json!({"session":"s","steps":steps}));
    let check = |event: Value, expected: Option<Value>| {
        let mut event = event;
        event["at"] = json!(AT);
        let told = session_message(&document, &[event.clone()], 0)["progress_events"].clone();
        let expected = expected.map(|mut expected| {
            expected["timestamp"] = json!(AT);
            expected["event_id"] = json!(Cursor { epoch: 1, offset: 40 });
            if expected.get("agent").is_none() {
                expected["agent"] = Value::Null;
            }
            expected
        });
        assert_eq!(told, Value::from_iter(expected), "{event}");
    };
    let plain = |word: &str, status: &str, message: &str| {
        Some(json!({"event_type":word,"status":status,"message":message}))
    };
    check(json!({"type":"start"}), plain("transaction_start", "running", "started"));
    check(
        json!({"type":"complete","result":1}),
        plain("transaction_complete", "completed", "completed"),
    );
    check(json!({"type":"cancelled"}), plain("transaction_cancelled", "cancelled", "cancelled"));
    check(
        json!({"type":"paused","reason":{"code":"b","message":"the budget is spent"}}),
        plain("transaction_paused", "paused", "the budget is spent"),
    );
    check(json!({"type":"expired"}), plain("transaction_expired", "failed", "its time ran out"));
    check(json!({"type":"phase","name":"reading"}), plain("phase", "running", "reading"));
    check(
        json!({"type":"queued"}),
        plain("transaction_queued", "queued", "waits for a place to run"),
    );
    check(json!({"type":"progress","percent":5}), None);
    check(
        json!({"type":"progress","percent":5,"message":"a twentieth"}),
        Some(
            json!({"event_type":"progress","status":"running","message":"a twentieth","progress":5.0}),
        ),
    );
    check(
        json!({"type":"log","level":"warning","message":"slow"}),
        Some(json!({"event_type":"log","status":"running","message":"slow","level":"warning"})),
    );
    check(
        json!({"type":"fail","error":{"code":"x","message":"no data"}}),
        Some(
            json!({"event_type":"transaction_failed","status":"failed","message":"no data","error":"no data"}),
        ),
    );
    let agent =
        |word: &str, status: &str, message: &str, agent: &str, order: u32, parallel: bool| {
            json!({"event_type":word,"status":status,"message":message,"agent":agent,
            "execution_order":order,"is_parallel":parallel})
        };
    check(
        json!({"type":"step_start","step":"market","tasks":["a","b"]}),
        Some(agent("agent_start", "running", "a, b", "MarketAgent", 1, true)),
    );
    check(
        json!({"type":"step_finish","step":"research","status":"completed"}),
        Some(agent("agent_complete", "completed", "completed", "ResearchAgent", 0, true)),
    );
    let mut failed = agent("agent_failed", "failed", "no data", "AnalystAgent", 2, true);
    failed["error"] = json!("no data");
    check(
        json!({"type":"step_finish","step":"analyst","status":"failed",
            "error":{"code":"x","message":"no data"}}),
        Some(failed),
    );
    let mut task = agent("task_progress", "running", "page 3", "MarketAgent", 1, true);
    task["task_name"] = json!("Fetching info");
    task["progress"] = json!(30.0);
    check(json!({"type":"step_update","step":"fetch","percent":30,"message":"page 3"}), Some(task));
    // Of a step that is not in the document: no place, for there is none that would be true.
    let gone = |word: &str, status: &str, agent: &str| {
        Some(json!({"event_type":word,"status":status,"message":status,"agent":agent}))
    };
    let mut begun = gone("agent_start", "running", "ArchiveAgent");
    begun.as_mut().unwrap()["message"] = json!("started");
    check(json!({"type":"step_start","step":"gone","name":"ArchiveAgent","role":"agent"}), begun);
    check(
        json!({"type":"step_finish","step":"gone","status":"completed"}),
        gone("agent_complete", "completed", "gone"),
    );
    // What the format does not tell of, and what no version has yet.
    check(json!({"type":"cost","amount":"0.1"}), None);
    check(json!({"type":"ack","command":"cancel"}), None);
    check(json!({"type":"weather","sunny":true}), None);
}

#[test]
fn every_code_is_one_that_the_older_clients_know() {
    let codes = [
        (CloseCode::Ended, 1000),
        (CloseCode::GoingAway, 1001),
        (CloseCode::Policy, 1008),
        (CloseCode::TooBig, 1009),
        (CloseCode::Overloaded, 1013),
        (CloseCode::Shutdown, 1001),
        (CloseCode::TooSlow, 1013),
        (CloseCode::NoPong, 1011),
        (CloseCode::RateLimited, 1013),
        (CloseCode::InvalidToken, 1008),
        (CloseCode::ConnectionLimit, 1008),
        (CloseCode::SubscriptionLimit, 1008),
        (CloseCode::NotAllowed, 1008),
    ];
    for format in Format::ALL {
        for (code, expected) in codes {
            assert_eq!(format.close(code).0, expected, "{format:?} {code:?}");
        }
    }
    let unknown = Format::ALL.map(|format| format.close(CloseCode::NoSuchJob));
    let expected =
        [(4004, "Analysis not found"), (1008, "Job not found"), (1008, "Invalid session")];
    assert_eq!(unknown, expected);
    assert_eq!(Format::Session.close(CloseCode::ConnectionLimit).1, "Too many connections");
    let ends = JobStatus::ALL.iter().map(|status| analysis::end(*status).map(|(code, _)| code));
    assert_eq!(ends.flatten().collect::<Vec<_>>(), [4000; 3], "failed, cancelled and expired");
}
