-- What waits for nodes, what became of it, and what a node said can be told to it.

-- A node's self-description as it sent it.
CREATE TABLE description (
    node        INTEGER PRIMARY KEY REFERENCES node (number),
    hash        BLOB NOT NULL,      -- first 4 bytes of SHA-256 over body, as its hello says it
    body        BLOB NOT NULL,      -- CBOR
    received_ms INTEGER NOT NULL
);

-- One row a command. AUTOINCREMENT: a number is what people call it by, and is never used twice.
CREATE TABLE command (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    node       INTEGER NOT NULL REFERENCES node (number),
    enrolment  INTEGER NOT NULL,
    room       INTEGER REFERENCES room (id),    -- NULL: typed on the gateway's command line
    event_id   TEXT UNIQUE,                     -- of the message that asked for it: a repeated one is known
    sender     TEXT NOT NULL,
    verb       TEXT NOT NULL CHECK (verb IN ('set', 'get', 'call', 'say')),
    name       TEXT NOT NULL,                   -- of the setting or method; '' for say
    arguments  BLOB NOT NULL,                   -- CBOR array
    shown      TEXT NOT NULL,                   -- in words
    priority   INTEGER NOT NULL,                -- lower goes first, then the smaller number
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    id         INTEGER CHECK (id BETWEEN 1 AND 65535),  -- its number on the air, given when it first goes there
    state      TEXT NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'on_air', 'confirmed', 'refused', 'withdrawn',
               'cancelled', 'replaced', 'expired', 'not_confirmed')),  -- comatrix/gateway/downlink/states.py
    attempts   INTEGER NOT NULL DEFAULT 0,      -- answers it was put into
    aired_ms   INTEGER,                         -- when it went on air first
    ended_ms   INTEGER,
    reason     TEXT NOT NULL DEFAULT '',
    value      BLOB                             -- the node's own, CBOR
);
CREATE INDEX command_open ON command (node, priority, number) WHERE state IN ('queued', 'on_air');
-- Two rules the database holds by itself: one command at a time on air to a node, and no id twice.
CREATE UNIQUE INDEX command_on_air ON command (node) WHERE state = 'on_air';
CREATE UNIQUE INDEX command_id ON command (node, enrolment, id) WHERE id IS NOT NULL;

-- Results are few among many readings, and are looked for at every start. A reading does not touch this index.
CREATE INDEX record_result ON record (id) WHERE kind = 3;

-- meta.results_seen  results up to this row id of record were applied to their commands. A result's room is 0: it is
--                    never posted, its command's reply shows it; up to here it may leave the log.
-- meta.mailbox_of    the instance id whose commands these are: where it is not meta.instance, this is a copy put back
INSERT INTO meta VALUES ('results_seen', 0);
