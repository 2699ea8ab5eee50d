-- Where a job's log begins, once its beginning was forgotten: after `upto`. While `swept` is 0 it has
-- segments that end there or before, which are deleted a little at a time.
CREATE TABLE trims (
    number INTEGER PRIMARY KEY,
    upto INTEGER NOT NULL,
    swept INTEGER NOT NULL
);
CREATE INDEX trims_unswept ON trims (number) WHERE swept = 0;
