-- The one reply to a command typed in a room: edited in place, a row of the outbox at a time.
CREATE TABLE reply (
    command   INTEGER PRIMARY KEY REFERENCES command (number) ON DELETE CASCADE,
    asked     TEXT,                -- the message that asked for it; NULL: it was removed
    thread    TEXT,                -- root of the thread it was typed in
    room_id   TEXT NOT NULL,       -- where the reply is, and who said it: an edit counts there, and of that user, only
    sender    TEXT NOT NULL,
    first     INTEGER NOT NULL,    -- outbox row of the reply
    event_id  TEXT,                -- of the reply, once it is in its room; NULL again: it was removed
    last      INTEGER NOT NULL,    -- outbox row sealed last for it: the next is sealed when this one is done
    shown     TEXT NOT NULL,       -- the state that one shows, and the attempt: "on_air/2"
    sealed_ms INTEGER NOT NULL,    -- when
    over      INTEGER NOT NULL DEFAULT 0  -- nothing is left to say
);
CREATE INDEX reply_first ON reply (first);
CREATE INDEX reply_asked ON reply (asked) WHERE asked IS NOT NULL;
CREATE INDEX reply_open ON reply (command) WHERE NOT over;
