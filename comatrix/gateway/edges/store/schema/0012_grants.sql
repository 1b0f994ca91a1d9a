-- Which node may send texts to which other.
CREATE TABLE node_grant (
    sender   INTEGER NOT NULL REFERENCES node (number),
    receiver INTEGER NOT NULL REFERENCES node (number),
    PRIMARY KEY (sender, receiver)
) WITHOUT ROWID;

-- The node whose text it is, by its number: command.sender has the name it had then. NULL: a person's.
ALTER TABLE command ADD COLUMN from_node INTEGER REFERENCES node (number);

-- record.kind 6 is a node's text to another node; its room is its sender's, which reads it too. Like results (0007),
-- these are few, and are looked for at every start.
CREATE INDEX record_node_text ON record (id) WHERE kind = 6;

-- meta.texts_seen  texts to nodes up to this row id of record are in their receivers' mailboxes: they may leave the log
INSERT INTO meta VALUES ('texts_seen', 0);
