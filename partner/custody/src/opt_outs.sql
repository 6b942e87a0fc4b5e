-- The newest list of opt-outs of a lineage that was made or granted beside the ledger, or that a job was paid for with.
-- Nothing is handed out for an older one.
CREATE TABLE IF NOT EXISTS opt_outs (
    lineage TEXT PRIMARY KEY,
    named BLOB NOT NULL               -- as a manifest names the list
) STRICT;
