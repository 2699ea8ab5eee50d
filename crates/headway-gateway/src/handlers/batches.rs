//! Batches: made, estimated, their items listed, and what became of them told together.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{MethodRouter, post};
use headway_engine::ItemSource;
use headway_hub::ItemQuery;
use headway_protocol::batch::{BatchOptions, Executor};
use headway_protocol::{Action, Problem, ProblemCode, Secret};
use serde_json::Value;

use super::upload::Upload;
use super::{IDEMPOTENCY_KEY, commands, created, jobs, json};
use crate::app::{App, Caller, Id, job_id};
use crate::body::{self, Form};
use crate::door::Entry;
use crate::door::credential::bearer;
use crate::headers::text_of;
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// Items of a page, unless the request says; and at the most.
const PAGE: (usize, usize) = (50, 500);

/// Groups of errors, unless the request says; and at the most.
const GROUPS: (usize, usize) = (20, headway_hub::ERROR_GROUPS);

/// Points of timings, unless the request says; and at the most.
const POINTS: (usize, usize) = (60, 500);

/// `POST /batches`.
pub(crate) async fn create(
    State(app): State<App>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    let headers = request.headers().clone();
    let key = text_of(&headers, IDEMPOTENCY_KEY)?;
    let batch = if body::form(&headers, &[Form::Json, Form::Multipart])? == Form::Multipart {
        let upload = Upload::begin(request, app.options.upload_bytes).await?;
        may_run(&app, &headers, upload.options())?;
        upload.run(|options, items| app.engine.create_batch(&caller, options, items, key)).await?
    } else {
        let (options, items) = inline(&app, &headers, request.into_body()).await?;
        app.engine.create_batch(&caller, options, items, key).await?
    };
    created(StatusCode::ACCEPTED, "batches", &batch)
}

/// `POST /estimates`.
pub(crate) async fn estimate(
    State(app): State<App>,
    Caller(caller): Caller,
    request: Request,
) -> Answer {
    let headers = request.headers().clone();
    let estimate = if body::form(&headers, &[Form::Json, Form::Multipart])? == Form::Multipart {
        let upload = Upload::begin(request, app.options.upload_bytes).await?;
        may_run(&app, &headers, upload.options())?;
        upload.run(|options, items| app.engine.estimate(&caller, options, items)).await?
    } else {
        let (options, items) = inline(&app, &headers, request.into_body()).await?;
        app.engine.estimate(&caller, options, items).await?
    };
    json(StatusCode::OK, &estimate)
}

/// `GET /batches/{id}`.
pub(crate) async fn show(app: State<App>, caller: Caller, id: Id, headers: HeaderMap) -> Answer {
    app.hub.is_batch(&caller.0, &job_id(&id.0)?).await?;
    jobs::show(app, caller, id, headers).await
}

/// `POST /batches/{id}/{action}`. Of what the caller does not see the command says whether there is
/// such a thing.
pub(crate) fn command(action: Action) -> MethodRouter<App> {
    post(move |app: State<App>, entry: Entry, id: Id, headers: HeaderMap, body: Body| async move {
        app.hub.is_batch(&entry.caller, &job_id(&id.0)?).await?;
        commands::command(app, entry, id, headers, body, action).await
    })
}

/// `GET /batches/{id}/items`.
pub(crate) async fn items(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
) -> Answer {
    let items = ItemQuery {
        statuses: query.read_list("status")?,
        only: None,
        after: query.read("after")?,
        limit: query.limit(PAGE.0, PAGE.1)?,
    };
    let job = job_id(&id)?;
    let page = match query.one("error")? {
        None => app.hub.items(&caller, &job, items).await?,
        Some(code) => app.hub.items_by_error(&caller, &job, items, code).await?,
    };
    json(StatusCode::OK, &page.ok_or_else(|| Refusal::no_such_job(&id))?)
}

/// `GET /batches/{id}/errors`.
pub(crate) async fn errors(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
) -> Answer {
    let limit = query.limit(GROUPS.0, GROUPS.1)?;
    let errors = app.hub.errors(&caller, &job_id(&id)?, limit).await?;
    json(StatusCode::OK, &errors.ok_or_else(|| Refusal::no_such_job(&id))?)
}

/// `GET /batches/{id}/timings`.
pub(crate) async fn timings(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
) -> Answer {
    let points = query.count("points", POINTS.0, POINTS.1)?;
    let timings = app.hub.timings(&caller, &job_id(&id)?, points).await?;
    json(StatusCode::OK, &timings.ok_or_else(|| Refusal::no_such_job(&id))?)
}

/// The options and items of a body that is one JSON object.
async fn inline(
    app: &App,
    headers: &HeaderMap,
    body: Body,
) -> Result<(BatchOptions, ItemSource), Refusal> {
    let text = body::read(headers, body, app.options.body_bytes).await?;
    let mut members: serde_json::Map<String, Value> = body::parse(&text)?;
    let items = match members.remove("items") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(_) => {
            let detail =
                "`items` must be an array: each an input, or {input, custom_id?, estimate?}";
            return Err(Refusal::invalid("items", detail));
        }
    };
    let options = body::parse_value(&Value::Object(members), text.len())?;
    may_run(app, headers, &options)?;
    Ok((options, ItemSource::Inline(items)))
}

/// Refuses a command line from whoever may not bring one, also where the engine would run it: from
/// beyond a proxy, and from others than the one for whom the node was started.
fn may_run(app: &App, headers: &HeaderMap, options: &BatchOptions) -> Result<(), Refusal> {
    let Some(Executor::Command(_)) = &options.executor else { return Ok(()) };
    let forwarded = ["forwarded", "x-forwarded-for", "x-forwarded-host", "via"];
    let detail = if forwarded.iter().any(|name| headers.contains_key(*name)) {
        "a command line is not taken through a proxy: name a configured `kind`"
    } else if app.options.exec_key.as_ref().is_some_and(|key| !shows(headers, key)) {
        "this node runs the command lines of the one who has started it: use a node of your own"
    } else {
        return Ok(());
    };
    Err(Problem::new(ProblemCode::Forbidden, detail).at_field("executor").into())
}

/// Whether a request shows a key. Takes as long for a wrong key as for the right one.
fn shows(headers: &HeaderMap, key: &Secret) -> bool {
    let shown = bearer(headers).unwrap_or_default().as_bytes();
    let expected = key.expose().as_bytes();
    let differences = shown.iter().zip(expected).fold(0, |all, (one, other)| all | one ^ other);
    shown.len() == expected.len() && differences == 0
}
