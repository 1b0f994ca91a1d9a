-- The one reply to a command typed in a room: edited in place, a row of the outbox at a time.
CREATE TABLE reply (
    command   INTEGER PRIMARY KEY REFERENCES command (number),
    thread    TEXT,                -- root of the thread it was typed in
    first     INTEGER NOT NULL,    -- outbox row of the reply: its event is what edits are about
    last      INTEGER NOT NULL,    -- outbox row sealed last for it: the next is sealed when this one is done
    shown     TEXT NOT NULL,       -- the state that one shows, and the attempt: "on_air/2"
    sealed_ms INTEGER NOT NULL,    -- when
    reacted   INTEGER NOT NULL DEFAULT 0
);
