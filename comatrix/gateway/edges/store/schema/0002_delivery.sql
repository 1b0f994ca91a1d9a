-- An event is looked for where it was sealed for, and goes out in the order its priority gives it.

-- Matrix's id of the room, frozen like the rest: room.room_id changes when a room is replaced.
ALTER TABLE outbox ADD COLUMN room_id TEXT NOT NULL DEFAULT '';
UPDATE outbox SET room_id = (SELECT room.room_id FROM room WHERE room.id = outbox.room);

-- Whose records it shows (JSON list of node numbers), and when the oldest of them came.
ALTER TABLE outbox ADD COLUMN nodes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE outbox ADD COLUMN oldest_ms INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET
    nodes = (SELECT json_group_array(DISTINCT node) FROM record
             WHERE id IN (SELECT value FROM json_each(outbox.records))),
    oldest_ms = coalesce((SELECT min(received_ms) FROM record
             WHERE id IN (SELECT value FROM json_each(outbox.records))), sealed_ms)
WHERE state IN ('sealed', 'parked');

ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 3;  -- comatrix/gateway/uplink/priority.py
ALTER TABLE outbox ADD COLUMN after_event TEXT;  -- the sender's newest event in the room at sealing: ours is newer
ALTER TABLE outbox ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;  -- a person said retry: sent even if it may be there

-- How long a transaction id can be relied on is the homeserver's property, not the row's.
ALTER TABLE outbox DROP COLUMN resend_until_ms;
