-- Limits of readings, what became of them, and nodes that are silent.

-- Values are integers as they are on the air (comatrix/codec/vocab.py).
CREATE TABLE alarm (
    node       INTEGER NOT NULL REFERENCES node (number),
    word       INTEGER NOT NULL,
    comparison TEXT NOT NULL CHECK (comparison IN ('<', '>')),
    threshold  INTEGER NOT NULL,
    hysteresis INTEGER NOT NULL CHECK (hysteresis >= 0),
    set_by     TEXT NOT NULL,        -- who is mentioned; '': set on the command line, the whole room is
    state      TEXT NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'raised')),  -- comatrix/gateway/uplink/alarms.py
    judged_ms  INTEGER,              -- when the newest reading judged was measured
    value      INTEGER,              -- raised: the one that raised it
    since_ms   INTEGER,              -- raised: when that was measured
    event      INTEGER,              -- raised: the event that says so; NULL: nothing could be said yet
    told_ms    INTEGER,              -- when the last such event was sealed
    PRIMARY KEY (node, word, comparison)
) WITHOUT ROWID;

-- Events that tell of something that goes on, each to be edited once when it is over. What is edited leaves the table.
CREATE TABLE alarm_event (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    room     INTEGER NOT NULL REFERENCES room (id),
    room_id  TEXT NOT NULL,          -- Matrix's: an event cannot be edited from the room that replaces its own
    sender   TEXT NOT NULL,          -- nor by anybody else
    outbox   INTEGER NOT NULL,       -- its row there
    event_id TEXT,                   -- copied from there once known: finished rows leave the outbox
    told     TEXT NOT NULL,          -- JSON: what it says (comatrix/gateway/uplink/alarm_events.py)
    ending   TEXT                    -- JSON: what it is to say; NULL: it goes on
);

CREATE TABLE silent_node (
    node    INTEGER PRIMARY KEY REFERENCES node (number),
    last_ms INTEGER NOT NULL,        -- its last contact
    event   INTEGER                  -- the event that says so; NULL: nothing could be said
);

-- meta.alarms_seen  readings up to this row id of record were judged. It stands still while there is no alarm.
INSERT INTO meta VALUES ('alarms_seen', 0);
