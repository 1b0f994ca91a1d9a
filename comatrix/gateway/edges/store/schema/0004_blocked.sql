-- A blocked node is dropped before decryption, silently, until a person unblocks it.
ALTER TABLE node ADD COLUMN blocked INTEGER NOT NULL DEFAULT 0;
