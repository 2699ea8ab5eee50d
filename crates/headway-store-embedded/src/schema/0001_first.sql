-- One row per group commit, in order: the records of many jobs, before they are folded. A row is
-- deleted when every record in it rests in `segments` and `documents`.
CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);

-- What a job can be found by, as of its record that ends at `position`. `due_at` alone may be
-- older than the journal.
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    epoch INTEGER NOT NULL,
    position INTEGER NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT,
    status TEXT NOT NULL,
    kind TEXT NOT NULL,
    session TEXT,
    tags TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    due_at INTEGER
);
CREATE INDEX jobs_by_status ON jobs (status, created_at, id);
CREATE INDEX jobs_by_tenant ON jobs (tenant, status, created_at, id);
CREATE INDEX jobs_by_subject ON jobs (tenant, subject, status, created_at, id)
    WHERE subject IS NOT NULL;
CREATE INDEX jobs_by_kind ON jobs (kind, status, created_at, id);
CREATE INDEX jobs_by_session ON jobs (session, created_at, id) WHERE session IS NOT NULL;
CREATE INDEX jobs_due ON jobs (due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX jobs_finished ON jobs (finished_at, id) WHERE finished_at IS NOT NULL;

CREATE TABLE job_tags (
    tag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    id TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (tag, created_at, id)
) WITHOUT ROWID;

-- The fold of a job's records up to `position`. Its newest `loose` segments are small and wait to
-- be merged; `loose_bytes` is their size.
CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    document TEXT NOT NULL,
    private TEXT NOT NULL,
    loose INTEGER NOT NULL,
    loose_bytes INTEGER NOT NULL
);

-- A job's records, many to a row, in order of `last`, the end of the row's last record.
CREATE TABLE segments (
    id INTEGER PRIMARY KEY,
    number INTEGER NOT NULL,
    last INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX segments_by_job ON segments (number, last);

CREATE TABLE keys (
    key TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX keys_by_job ON keys (number);

-- An item's id is its job's number shifted left by 24 bits, plus its index. Statuses are the codes
-- of the program's `item_code`. Input and output lie apart so that a change of status moves few
-- bytes.
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    status INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    fence INTEGER,
    due_at INTEGER,
    cost INTEGER,
    started_at INTEGER,
    duration_ms INTEGER
);
CREATE INDEX items_by_status ON items (status);
CREATE INDEX items_due ON items (id >> 24, due_at) WHERE due_at IS NOT NULL;
CREATE TABLE item_inputs (
    id INTEGER PRIMARY KEY,
    custom_id TEXT,
    estimate INTEGER,
    input TEXT NOT NULL
);
CREATE TABLE item_outcomes (
    id INTEGER PRIMARY KEY,
    output TEXT,
    error TEXT
);

-- Numbers of removed jobs whose segments and items are still to be deleted, a little at a time.
CREATE TABLE debris (
    number INTEGER PRIMARY KEY
);
