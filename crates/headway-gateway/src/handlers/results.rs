//! A batch's results, streamed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::stream;
use headway_engine::results::{ResultRow, write_csv_header};
use headway_hub::Results;
use headway_protocol::{ItemStatus, JobId};

use crate::accept;
use crate::app::{App, Caller, Id, job_id};
use crate::problem::{Answer, Refusal};
use crate::query::Query;

/// `GET /batches/{id}/results`.
pub(crate) async fn stream(
    State(app): State<App>,
    Caller(caller): Caller,
    Id(id): Id,
    query: Query,
    headers: HeaderMap,
) -> Answer {
    let csv = match query.one("format")? {
        None => accept::csv(&headers)?,
        Some("jsonl") => false,
        Some("csv") => true,
        Some(_) => return Err(Refusal::invalid("format", "`format` must be jsonl or csv")),
    };
    let statuses: Vec<ItemStatus> = query.read_list("status")?;
    let job = job_id(&id)?;
    let name = file_name(&job, &statuses);
    let results = app.hub.results(&caller, &job, statuses).await?;
    let results = results.ok_or_else(|| Refusal::no_such_job(&id))?;
    let (media, ending) =
        if csv { ("text/csv; charset=utf-8", "csv") } else { ("application/x-ndjson", "jsonl") };
    // The name needs no quoting rules beyond these: a job's name has no quotes or control signs.
    let name = format!("attachment; filename=\"{name}.{ending}\"");
    let mut response = (StatusCode::OK, body(app, caller, results, csv)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// What a file of results is called, without its ending: which batch's, and which part of them.
fn file_name(job: &JobId, statuses: &[ItemStatus]) -> String {
    let mut name = job.as_str().to_owned();
    for (place, status) in statuses.iter().enumerate() {
        if !statuses.iter().take(place).any(|before| before == status) {
            name.push('-');
            name.push_str(status.as_str());
        }
    }
    name
}

/// Pages as they are asked for: a slow reader holds one page. It breaks off when the caller is revoked.
fn body(app: App, caller: Arc<headway_access::Caller>, results: Results, csv: bool) -> Body {
    let mut head = Vec::new();
    if csv {
        write_csv_header(&mut head);
    }
    Body::from_stream(stream::try_unfold(
        (app, caller, results, head),
        move |(app, caller, mut results, mut text)| async move {
            app.is_not_revoked(&caller)?;
            let page = results.next_page().await.inspect_err(|error| {
                tracing::error!(error = error as &dyn std::error::Error, "results broke off");
            })?;
            for line in page.iter().flatten() {
                let row = ResultRow::from(line);
                if csv {
                    row.write_csv(&mut text);
                } else {
                    row.write_jsonl(&mut text);
                }
            }
            if page.is_none() && text.is_empty() {
                return Ok::<_, axum::BoxError>(None);
            }
            Ok(Some((Bytes::from(text), (app, caller, results, Vec::new()))))
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_batch_and_each_status_once() {
        let statuses = [ItemStatus::Failed, ItemStatus::Skipped, ItemStatus::Failed];
        let name = |job: &str, statuses| file_name(&job.parse().unwrap(), statuses);
        assert_eq!(name("b", &[]), "b");
        assert_eq!(name("b", &statuses), "b-failed-skipped");
        assert_eq!(name("failed", &statuses[..1]), "failed-failed");
    }
}
