-- A room that was closed in favour of another names it here until the nodes are bound to that one: meanwhile nothing is
-- sent to the old one. Then room.room_id changes, and this is empty again.
ALTER TABLE room ADD COLUMN successor TEXT;
