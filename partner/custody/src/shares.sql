-- Which shares of a lineage's people were known of another one when they were taken for other people.
CREATE TABLE IF NOT EXISTS known_shares (
    lineage TEXT NOT NULL,
    other TEXT NOT NULL,
    of_lineage INTEGER NOT NULL,      -- of a hundred people of the lineage
    of_other INTEGER NOT NULL,        -- of a hundred people known of the other
    time INTEGER NOT NULL,
    PRIMARY KEY (lineage, other)
) STRICT;
