-- What an analyst said of a job beside what it asks: absent of a job of which nothing was said.
CREATE TABLE IF NOT EXISTS reasons (
    job BLOB PRIMARY KEY,             -- its name
    decision TEXT,                    -- the decision that its answer serves, in the analyst's words
    checks BLOB                       -- name of the earlier job that it checks
) STRICT;
