-- Pictures that were asked for in a room and are not drawn yet. A row leaves in the transaction that seals the answer
-- in the outbox, so that each is answered once; what was uploaded for an answer that was not sealed is nobody's.
CREATE TABLE plot (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    instance TEXT NOT NULL,         -- meta 'instance': a copy put back may not answer what the original did
    room     INTEGER NOT NULL REFERENCES room (id),
    event_id TEXT NOT NULL UNIQUE,  -- of the message that asked for it
    thread   TEXT,                  -- root of the thread it was typed in
    node     INTEGER NOT NULL REFERENCES node (number),
    word     INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL       -- when it was asked for
);
