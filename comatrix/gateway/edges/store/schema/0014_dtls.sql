-- Nodes that come over DTLS. The CHECK of node.security cannot be widened without making the table anew.
ALTER TABLE node ADD COLUMN over_dtls INTEGER NOT NULL DEFAULT 0;

-- Pre-shared keys, never derived from OSCORE's. During a rotation a node has two, each under an identity of its own.
CREATE TABLE dtls_key (
    identity   BLOB PRIMARY KEY,
    node       INTEGER NOT NULL REFERENCES node (number),
    generation INTEGER NOT NULL,
    key        BLOB NOT NULL,
    UNIQUE (node, generation)
) WITHOUT ROWID;
