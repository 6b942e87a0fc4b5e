-- Where the ledger went: one row once it was moved. It then hands out nothing any more.
CREATE TABLE IF NOT EXISTS moved (
    destination BLOB NOT NULL,        -- digest of a secret of the place that takes it
    time INTEGER NOT NULL
) STRICT;
-- From where it came: each place that took it, with the last generation before.
CREATE TABLE IF NOT EXISTS arrivals (
    destination BLOB NOT NULL,
    generation INTEGER NOT NULL,
    time INTEGER NOT NULL             -- when it was moved
) STRICT;
