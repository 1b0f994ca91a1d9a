-- An application service's users and what its homeserver pushed.

-- The bot, the service user and a ghost a node: what was done for each need not be done again after a restart.
-- Valid for one instance id (meta 'service_users_of'): a copy put back asks the homeserver anew.
CREATE TABLE service_user (
    user_id TEXT PRIMARY KEY,
    device  TEXT NOT NULL DEFAULT '',  -- registered, and this device made; '': neither is certain
    name    TEXT NOT NULL DEFAULT ''   -- the display name last set
) WITHOUT ROWID;

CREATE TABLE service_member (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,             -- Matrix's: a room that replaces another is joined anew
    refused TEXT,                      -- NULL: joined; else why it cannot be there, in words
    PRIMARY KEY (user_id, room_id)
) WITHOUT ROWID;

-- Committed before the homeserver hears 200. AUTOINCREMENT: a position is never used twice.
CREATE TABLE pushed_event (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,     -- transaction numbers restart; an event id does not
    event    BLOB NOT NULL             -- JSON; emptied once handed on, the id stays to know a repetition
);
