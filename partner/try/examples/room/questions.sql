-- The questions of the bench as DuckDB answers them in the clear: clamps for each person, integer cents, last touch. E has
-- exposures(key, channel, arm, day, cost), C sales(key, day, value), B a third party's members(key); cost and value are cents.

-- overlap: people of E, found in C or not
WITH e AS (SELECT DISTINCT key FROM E), c AS (SELECT DISTINCT key FROM C)
SELECT (c.key IS NOT NULL)::INT AS matched, count(*) FROM e LEFT JOIN c USING (key) GROUP BY 1 ORDER BY 1;

-- channels: people, impressions (at most 1000 of a person and channel), cost (at most 50000 cents)
WITH p AS (SELECT key, channel, least(count(*), 1000) n, least(sum(cost), 50000) s FROM E GROUP BY 1, 2)
SELECT channel, count(*), sum(n), sum(s) FROM p GROUP BY 1 ORDER BY 1;

-- lift: arm and found, heads, sum and squares of the clamped total (at most 50000 cents); who is in both arms is in an arm of its own
WITH a AS (SELECT key, bool_or(arm = 'test') t, bool_or(arm = 'control') k FROM E GROUP BY 1),
     o AS (SELECT key, least(greatest(sum(value), 0), 50000) v FROM C GROUP BY 1)
SELECT CASE WHEN t AND k THEN 'several' WHEN t THEN 'test' ELSE 'control' END, (o.key IS NOT NULL)::INT, count(*),
       sum(coalesce(v, 0)), sum(coalesce(v, 0)::HUGEINT * coalesce(v, 0))
FROM a LEFT JOIN o USING (key) GROUP BY 1, 2 ORDER BY 1, 2;

-- attribution: each sale to the channel of the person's last exposure of the 7 days before it (the same day counts; of several, the
-- first channel in the public list), 'none' without one; at most 50000 cents of a person over all channels, cut in the order of days
WITH j AS (SELECT C.key, C.rowid id, C.day, C.value v,
                  coalesce((SELECT channel FROM E WHERE E.key = C.key AND E.day BETWEEN C.day - 7 AND C.day
                            ORDER BY E.day DESC, list_position({channels}, channel) LIMIT 1), 'none') ch
           FROM C WHERE EXISTS (SELECT 1 FROM E WHERE E.key = C.key)),
     r AS (SELECT *, sum(v) OVER (PARTITION BY key ORDER BY day, id) run FROM j)
SELECT ch, count(DISTINCT key), sum(greatest(0, least(v, 50000 - (run - v)))) FROM r GROUP BY 1 ORDER BY 1;

-- parties: people of the union, by which of the three they are in
WITH u AS (SELECT key, 1 x FROM E UNION ALL SELECT key, 2 FROM C UNION ALL SELECT key, 4 FROM B),
     p AS (SELECT key, bit_or(x) places FROM u GROUP BY 1)
SELECT places, count(*) FROM p GROUP BY 1 ORDER BY 1;

-- union: people of the union, by how many rows they have in all (5: 5 and more)
WITH u AS (SELECT key FROM E UNION ALL SELECT key FROM C UNION ALL SELECT key FROM B),
     p AS (SELECT key, least(count(*), 5) n FROM u GROUP BY 1)
SELECT n, count(*), sum(n) FROM p GROUP BY 1 ORDER BY 1;
