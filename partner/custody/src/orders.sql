-- Standing orders that the party accepted.
CREATE TABLE IF NOT EXISTS orders (
    name BLOB PRIMARY KEY,            -- digest over who ordered and all that was ordered
    contract BLOB NOT NULL,
    label TEXT NOT NULL,              -- what people call it
    file BLOB NOT NULL,               -- the signed order with its questions
    acceptance BLOB NOT NULL,         -- signed by the party's root key
    suspended INTEGER NOT NULL,       -- 1 while no run is paid
    cancelled_by TEXT,                -- the party that cancelled it
    time INTEGER NOT NULL
) STRICT;
-- The instances that got slices of a run: each is an attempt.
CREATE TABLE IF NOT EXISTS runs (
    name BLOB NOT NULL REFERENCES orders,
    number INTEGER NOT NULL,
    instance BLOB NOT NULL,
    job BLOB NOT NULL,                -- name of the job that the run is there
    datasets BLOB NOT NULL,           -- the versions of all datasets without lists of opt-outs, equal in all attempts
    time INTEGER NOT NULL,
    PRIMARY KEY (name, number, instance)
) STRICT;
-- How runs ended, as far as the party knows.
CREATE TABLE IF NOT EXISTS run_ends (
    name BLOB NOT NULL REFERENCES orders,
    number INTEGER NOT NULL,
    instance BLOB,                    -- that answered; null of a missed run
    time INTEGER NOT NULL,
    PRIMARY KEY (name, number)
) STRICT;
