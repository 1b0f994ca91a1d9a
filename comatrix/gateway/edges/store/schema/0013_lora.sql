-- Nodes on LoRa: over which link a node comes ('u' UDP, 'l' LoRa), and whether it listens all the time.
ALTER TABLE node ADD COLUMN link TEXT NOT NULL DEFAULT 'u' CHECK (link IN ('u', 'l'));
ALTER TABLE node ADD COLUMN listens INTEGER NOT NULL DEFAULT 0;

-- The airtime of each radio's last hour, written before it sends (comatrix_lora.ledger). `channel` says of which band.
CREATE TABLE radio_ledger (
    radio   TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    spent   BLOB NOT NULL
) WITHOUT ROWID;

-- Readings in a schema that the node has not announced yet, as they came; read once it describes itself.
CREATE TABLE unread_reading (
    id          INTEGER PRIMARY KEY,
    node        INTEGER NOT NULL REFERENCES node (number),
    enrolment   INTEGER NOT NULL,
    counter     INTEGER NOT NULL,   -- of the frame
    schema      INTEGER NOT NULL,
    seqs        TEXT NOT NULL,      -- JSON list, the newest first
    body        BLOB NOT NULL,      -- the values of the whole frame
    measured_ms INTEGER NOT NULL,   -- of the newest
    received_ms INTEGER NOT NULL,
    UNIQUE (node, enrolment, counter)
);
