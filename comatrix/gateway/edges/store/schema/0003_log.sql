-- The log is appended to and nothing else: one commit writes its last page. What was an index over (node, enrolment,
-- seq) is now a bitmap, written in bulk for many records at a time; the replay windows too (docs/decisions/0011).

ALTER TABLE record RENAME TO record_0001;

-- The log: every acknowledged record in order of arrival. Rows leave it only when posted and old (retention).
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    node        INTEGER NOT NULL,
    enrolment   INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    room        INTEGER NOT NULL,
    kind        INTEGER NOT NULL,   -- 1 readings, 2 text, 3 result, 4 hello, 5 description
    body        BLOB NOT NULL,      -- the record's CBOR, without its seq
    received_ms INTEGER NOT NULL,
    age_ms      INTEGER NOT NULL,   -- received_ms less the time of measurement
    context     INTEGER,            -- OSCORE context of the request that carried it (plain, or before 0003: NULL)
    ahead       INTEGER,            -- that request's counter less seq (plain: NULL)
    digest      BLOB NOT NULL,      -- first 8 bytes of SHA-256 over that request's ciphertext
    late        INTEGER NOT NULL    -- an older seq than one already here for (node, enrolment)
);
INSERT INTO record
SELECT id, node, enrolment, seq, room, kind, body, received_ms, received_ms - measured_ms, NULL, counter - seq, digest,
       late
FROM record_0001;
DROP TABLE record_0001;

-- Which seqs of (node, enrolment) are stored, for ever: bit seq % 1024 of block seq / 1024. Covers the records up to row
-- id meta.folded; a record above that is known by its row.
CREATE TABLE known_seq (
    node      INTEGER NOT NULL,
    enrolment INTEGER NOT NULL,
    block     INTEGER NOT NULL,
    bits      BLOB NOT NULL,        -- 128 bytes, the lowest seq in the lowest bit of the first
    PRIMARY KEY (node, enrolment, block)
) WITHOUT ROWID;

-- Sums over the same records, since rows leave the log.
CREATE TABLE enrolment (
    node      INTEGER NOT NULL,
    enrolment INTEGER NOT NULL,
    highest   INTEGER NOT NULL,     -- seq
    records   INTEGER NOT NULL,
    late      INTEGER NOT NULL,
    last_ms   INTEGER NOT NULL,     -- when the last of them came
    PRIMARY KEY (node, enrolment)
) WITHOUT ROWID;

-- meta.folded     known_seq, enrolment and replay_window tell of every record up to this row id
INSERT INTO meta VALUES ('folded', 0);
