-- Entries. One that is put again gets a new revision and so a new row; revisions are never reused,
-- for the last one that was given is kept in `meta`. The index by collection has its entries in the
-- order of their revisions, since those are the rows' ids.
CREATE TABLE entries (
    revision INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL
);
CREATE UNIQUE INDEX entries_by_key ON entries (collection, key);
CREATE INDEX entries_by_revision ON entries (collection);
INSERT INTO meta VALUES ('revision', 0);
