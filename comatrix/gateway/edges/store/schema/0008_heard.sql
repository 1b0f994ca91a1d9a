-- What was heard in the rooms.

-- How far each intake came. A token counts for the database that wrote it only: what a copy put back would hear again,
-- the original did already.
CREATE TABLE heard_until (
    whose    TEXT PRIMARY KEY,         -- the user that syncs, or "push" and the bot
    since    TEXT NOT NULL,            -- next_batch of the newest answer that was taken in whole
    instance TEXT NOT NULL             -- meta 'instance'
) WITHOUT ROWID;

-- Events that were taken in, so that none is twice: 30 days, at most 100,000.
CREATE TABLE heard_event (
    id       INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    heard_ms INTEGER NOT NULL
);
