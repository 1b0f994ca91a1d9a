-- The gateway's database. Times are Unix milliseconds. Pages are 1 KiB: a commit writes whole pages, so small rows that
-- change often live in tables of their own and the log is only ever appended to.

-- One row a fact about the database itself:
--   instance     16 hex digits, new after a restore; the first part of every transaction id
--   restored_ms  when the database was last found to be a copy put back (absent: never)
--   log_floor    every record up to this row id is sealed; start-up looks only above it
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value NOT NULL
) WITHOUT ROWID;

-- A Matrix room that nodes are bound to. room_id never changes; alias is what a person typed.
CREATE TABLE room (
    id        INTEGER PRIMARY KEY,
    room_id   TEXT NOT NULL UNIQUE,
    alias     TEXT,
    encrypted INTEGER NOT NULL DEFAULT 0,  -- once 1, for ever: nothing is sent there
    paused    TEXT                         -- why nothing is sent there now, in words
);

-- A provisioned node. Rows stay for ever: neither a number nor a (number, enrolment) is given twice.
CREATE TABLE node (
    number     INTEGER PRIMARY KEY CHECK (number BETWEEN 1 AND 65535),
    name       TEXT NOT NULL,
    enrolment  INTEGER NOT NULL,
    room       INTEGER NOT NULL REFERENCES room (id),
    security   TEXT NOT NULL CHECK (security IN ('oscore', 'plain')),
    post       TEXT NOT NULL,     -- 'every', 'change' or a span such as '15min'
    address    TEXT,              -- plain nodes: the one IP address that may speak for it
    created_ms INTEGER NOT NULL,
    revoked    INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX node_name ON node (name) WHERE NOT revoked;  -- a revoked node's name may be used again

-- Rooms a node may name by a small integer (0 is node.room and does not stand here).
CREATE TABLE node_room (
    node   INTEGER NOT NULL REFERENCES node (number),
    number INTEGER NOT NULL CHECK (number > 0),
    room   INTEGER NOT NULL REFERENCES room (id),
    PRIMARY KEY (node, number)
) WITHOUT ROWID;

-- OSCORE contexts. During a rotation a node has two. AUTOINCREMENT: an id is never used twice.
CREATE TABLE context (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    node        INTEGER NOT NULL REFERENCES node (number),
    link        TEXT NOT NULL CHECK (link IN ('u', 'l')),  -- UDP, LoRa
    generation  INTEGER NOT NULL,
    secret      BLOB NOT NULL,                 -- empty once dead
    id_context  BLOB NOT NULL DEFAULT x'',     -- what RFC 8613 Appendix B.2 appended
    tx_reserved INTEGER NOT NULL DEFAULT 0,    -- the gateway's sender counters below this may have been used
    state       TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring', 'dead')),
    UNIQUE (node, link, generation)
);

-- The replay window of a context, apart from it because it moves with every record: 60 rows a page instead of 10.
CREATE TABLE replay_window (
    context INTEGER PRIMARY KEY REFERENCES context (id),
    highest INTEGER NOT NULL,             -- -1: nothing accepted yet
    mask    INTEGER NOT NULL,             -- 64 bits, as a signed integer
    missing INTEGER NOT NULL DEFAULT 0    -- 1: not to be trusted (restored copy): Echo, or Appendix B.2
);

-- The log: every acknowledged record, appended, never changed. Row ids are the order of arrival.
CREATE TABLE record (
    id          INTEGER PRIMARY KEY,
    node        INTEGER NOT NULL,
    enrolment   INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    room        INTEGER NOT NULL,
    kind        INTEGER NOT NULL,   -- 1 readings, 2 text, 3 result, 4 hello, 5 description
    body        BLOB NOT NULL,      -- the record's CBOR, without its seq
    measured_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    counter     INTEGER,            -- OSCORE counter of the request that carried it
    digest      BLOB NOT NULL,      -- first 8 bytes of SHA-256 over that request's ciphertext
    late        INTEGER NOT NULL,   -- an older seq than one already here for (node, enrolment)
    UNIQUE (node, enrolment, seq)
);

-- How far a stream (room, node) is sealed: its records with a greater id still wait. Late ones arrive behind it too.
CREATE TABLE cursor (
    room      INTEGER NOT NULL,
    node      INTEGER NOT NULL,
    sealed    INTEGER NOT NULL,    -- row id in record
    sealed_ms INTEGER NOT NULL,    -- when, for the cadence; 0 after an unseal
    PRIMARY KEY (room, node)
) WITHOUT ROWID;

-- One row an event. Content, sender, device and txn are frozen: every attempt sends the same bytes.
CREATE TABLE outbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    room            INTEGER NOT NULL REFERENCES room (id),
    sender          TEXT NOT NULL,
    device          TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('msg', 'edit', 'react', 'redact')),
    txn             TEXT NOT NULL UNIQUE,
    content         BLOB NOT NULL,       -- emptied once done or unsealed
    records         TEXT NOT NULL,       -- JSON list of row ids in record
    sealed_ms       INTEGER NOT NULL,
    resend_until_ms INTEGER NOT NULL,    -- in doubt after this: not sent again by itself
    state           TEXT NOT NULL CHECK (state IN ('sealed', 'done', 'parked', 'unsealed', 'dropped')),
    in_doubt        INTEGER NOT NULL DEFAULT 0,
    attempts        INTEGER NOT NULL DEFAULT 0,
    event_id        TEXT,
    reason          TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_open ON outbox (state, id) WHERE state IN ('sealed', 'parked');

-- What is known of a node beside its records.
CREATE TABLE node_status (
    node             INTEGER PRIMARY KEY REFERENCES node (number),
    last_seen_ms     INTEGER,
    address          TEXT,
    address_proven   INTEGER NOT NULL DEFAULT 0,
    firmware         TEXT,
    wake_interval_s  INTEGER,
    battery_cv       INTEGER,    -- hundredths of a volt
    vocabulary       INTEGER,
    description_hash BLOB,
    executed_id      INTEGER,    -- highest command it says it executed
    dropped          INTEGER     -- records it says it had to drop
);
