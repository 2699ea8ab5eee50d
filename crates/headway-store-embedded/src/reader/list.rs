//! Pages of jobs.
//!
//! What a list asks by is written with each commit, so that the tables alone say who is on a page;
//! the jobs themselves are then loaded one by one.

use headway_protocol::{JobId, JobStatus};
use headway_store::{ListPage, ListQuery, PageKey};
use rusqlite::Connection;
use rusqlite::types::Value;

use super::jobs::load;
use crate::failure::Failure;
use crate::rows;
use crate::shared::Shared;

/// A page of jobs that fit.
pub(crate) fn list(
    connection: &Connection,
    shared: &Shared,
    query: &ListQuery,
) -> Result<ListPage, Failure> {
    let limit = query.limit.max(1);
    // Each query walks its index in the order of the list. Where the index has the status before
    // that order, one walk per status is merged.
    let (index, by_status) = choose(query);
    let statuses: Vec<Option<JobStatus>> = match (by_status, query.statuses.is_empty()) {
        (true, true) => JobStatus::ALL.iter().copied().map(Some).collect(),
        (true, false) => query.statuses.iter().copied().map(Some).collect(),
        (false, _) => vec![None],
    };
    let mut keys = Vec::new();
    for status in statuses {
        keys.extend(find(connection, query, index, status, limit.saturating_add(1))?);
    }
    keys.sort_unstable_by(|left, right| right.cmp(left));
    keys.dedup();
    let next = (keys.len() > limit).then(|| keys.get(limit - 1).cloned()).flatten();
    keys.truncate(limit);
    let mut jobs = Vec::with_capacity(keys.len());
    for key in keys {
        // A job may have changed or gone since the page was found.
        jobs.extend(load(connection, shared, &key.id)?.filter(|job| query.fits(&job.facets)));
    }
    Ok(ListPage { jobs, next })
}

/// The index that leaves least to look at, and whether it has the status before the order of the
/// list. Chosen here, because SQLite knows nothing of how tags or tenants are spread.
fn choose(query: &ListQuery) -> (&'static str, bool) {
    if query.tag.is_some() {
        ("job_tags", false)
    } else if query.session.is_some() {
        ("jobs_by_session", false)
    } else if query.tenant.is_some() && query.subject.is_some() {
        ("jobs_by_subject", true)
    } else if query.kind.is_some() {
        ("jobs_by_kind", true)
    } else if query.tenant.is_some() {
        ("jobs_by_tenant", true)
    } else {
        ("jobs_by_status", true)
    }
}

fn find(
    connection: &Connection,
    query: &ListQuery,
    index: &str,
    status: Option<JobStatus>,
    limit: usize,
) -> Result<Vec<PageKey>, Failure> {
    let (mut text, order) = match &query.tag {
        Some(_) => (
            "SELECT job_tags.created_at, job_tags.id FROM job_tags CROSS JOIN jobs
             ON jobs.number = job_tags.number WHERE 1"
                .to_owned(),
            "job_tags.created_at DESC, job_tags.id DESC",
        ),
        None => (
            format!("SELECT jobs.created_at, jobs.id FROM jobs INDEXED BY {index} WHERE 1"),
            "jobs.created_at DESC, jobs.id DESC",
        ),
    };
    let mut values: Vec<Value> = Vec::new();
    let mut restrict = |condition: &str, value: &str| {
        text.push_str(" AND ");
        text.push_str(condition);
        values.push(Value::Text(value.to_owned()));
    };
    for (condition, wanted) in [
        ("job_tags.tag = ?", &query.tag),
        ("jobs.session = ?", &query.session),
        ("jobs.tenant = ?", &query.tenant),
        ("jobs.subject = ?", &query.subject),
        ("jobs.kind = ?", &query.kind),
    ] {
        if let Some(wanted) = wanted {
            restrict(condition, wanted);
        }
    }
    if let Some(status) = status {
        restrict("jobs.status = ?", status.as_str());
    } else if !query.statuses.is_empty() {
        let places = vec!["?"; query.statuses.len()].join(", ");
        text.push_str(" AND jobs.status IN (");
        text.push_str(&places);
        text.push(')');
        values.extend(query.statuses.iter().map(|status| Value::Text(status.as_str().to_owned())));
    }
    if let Some(after) = &query.after {
        let table = if query.tag.is_some() { "job_tags" } else { "jobs" };
        text.extend([" AND (", table, ".created_at, ", table, ".id) < (?, ?)"]);
        values.push(Value::Integer(rows::moment(after.created_at)));
        values.push(Value::Text(after.id.as_str().to_owned()));
    }
    text.extend([" ORDER BY ", order, " LIMIT ?"]);
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));

    let mut statement = connection.prepare_cached(&text)?;
    let mut found = statement.query(rusqlite::params_from_iter(values))?;
    let mut keys = Vec::new();
    while let Some(row) = found.next()? {
        let id: JobId = rows::job_id(&row.get::<_, String>(1)?)?;
        keys.push(PageKey { created_at: rows::to_moment(row.get(0)?), id });
    }
    Ok(keys)
}
