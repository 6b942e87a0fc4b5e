BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS generation (n INTEGER NOT NULL) STRICT;
INSERT INTO generation SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM generation);
-- Whose ledger it is: the signing key that slices are signed with. One row, from the beginning.
CREATE TABLE IF NOT EXISTS owner (key BLOB NOT NULL) STRICT;
-- Which people a lineage is about, as its owner said. Lineages with the same `people` have the same
-- people, and what these have lost is added up; it is told apart by the lineage they were first met as.
CREATE TABLE IF NOT EXISTS lineages (
    lineage TEXT PRIMARY KEY,
    people TEXT NOT NULL,
    said TEXT NOT NULL CHECK (said IN ('first', 'same', 'new')),
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS lineages_by_people ON lineages (people);
-- Lineages that share people, as sealing found, and that their owner says are others all the same.
CREATE TABLE IF NOT EXISTS told_apart (
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (one, other)
) STRICT;
-- Which budgets of a lineage its owner has answered for: no other is handed out of.
CREATE TABLE IF NOT EXISTS budgets (
    lineage TEXT NOT NULL REFERENCES lineages,
    purpose TEXT NOT NULL,
    period TEXT NOT NULL,             -- how often it is filled: day, week, month, contract
    time INTEGER NOT NULL,
    PRIMARY KEY (lineage, purpose, period)
) STRICT;
CREATE TABLE IF NOT EXISTS instances (
    instance BLOB PRIMARY KEY,
    contract BLOB NOT NULL,
    statement BLOB NOT NULL,
    first_seen INTEGER NOT NULL,      -- milliseconds since 1970
    closing BLOB                      -- attested closing; null while open
) STRICT;
CREATE TABLE IF NOT EXISTS slices (
    id INTEGER PRIMARY KEY,
    instance BLOB NOT NULL REFERENCES instances,
    contract BLOB NOT NULL,
    dataset TEXT NOT NULL,            -- name in the contract
    lineage TEXT NOT NULL,
    purpose TEXT NOT NULL,
    period TEXT NOT NULL,             -- as the slice names it
    budget_period TEXT NOT NULL,      -- as budgets share it
    kind TEXT NOT NULL CHECK (kind IN ('job', 'prepaid', 'found', 'written off')),
    job BLOB,                         -- name of the job, of a slice for one
    loss BLOB NOT NULL,               -- this slice alone
    granted BLOB NOT NULL,            -- as signed: of the job, or prepaid in all
    time INTEGER NOT NULL,
    CHECK ((kind = 'job') = (job IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS one_slice_per_job
    ON slices (instance, dataset, purpose, job) WHERE job IS NOT NULL;
CREATE INDEX IF NOT EXISTS slices_by_lineage ON slices (lineage, purpose, budget_period);
CREATE TABLE IF NOT EXISTS credits (
    instance BLOB NOT NULL REFERENCES instances,
    dataset TEXT NOT NULL,
    lineage TEXT NOT NULL,
    purpose TEXT NOT NULL,
    period TEXT NOT NULL,
    budget_period TEXT NOT NULL,
    loss BLOB NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (instance, dataset, purpose, period)
) STRICT;
CREATE INDEX IF NOT EXISTS credits_by_lineage ON credits (lineage, purpose, budget_period);
-- What slices were cut for.
CREATE TABLE IF NOT EXISTS jobs (
    job BLOB PRIMARY KEY,             -- its name
    contract BLOB NOT NULL,
    analyst TEXT NOT NULL,
    analysis TEXT NOT NULL,
    purpose TEXT NOT NULL,
    population TEXT NOT NULL,         -- dataset whose people are counted
    tally BLOB NOT NULL,
    proof BLOB NOT NULL,
    resembles BLOB,                   -- name of an earlier job about the same people, or nearly
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_analyst ON jobs (analyst, purpose, time);
CREATE INDEX IF NOT EXISTS jobs_by_population ON jobs (population, time);
-- Each time that a backup was restored and accounted for, under whichever contract came first.
CREATE TABLE IF NOT EXISTS restores (
    id INTEGER PRIMARY KEY,
    since INTEGER NOT NULL,           -- what the backup knew last
    until INTEGER NOT NULL,           -- when the first contract was accounted for
    everything INTEGER NOT NULL       -- 1 if the backup knew nothing
) STRICT;
-- Under any other contract nothing is handed out: what it may draw on is not accounted for.
CREATE TABLE IF NOT EXISTS accounted (
    restore INTEGER NOT NULL REFERENCES restores,
    contract BLOB NOT NULL,
    PRIMARY KEY (restore, contract)
) STRICT;
COMMIT;
