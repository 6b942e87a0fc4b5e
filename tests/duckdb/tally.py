"""What DuckDB counts for tallies over small tables, compared with what the engine counted.

    tally.py FILE      FILE has a case in JSON on each line: `tally`, `rows` and `answer`

Prints each case that differs and exits with 1 if there is one. What a tally means is written anew here, in SQL, from the doc comments
of `protocol/src/privacy/tally.rs`; nothing is taken from the engine or from the naive reference. A row is a list: its dataset, who it is
of, whether it agrees, and the columns group (null for no value), label (null for none), number and day (null for none).
"""

import json
import sys

import duckdb
import pyarrow

FARTHEST = 1 << 40
base = duckdb.connect()
base.execute("SET threads = 1")


def kind(tagged):
    """The name of a variant and its fields."""
    return (tagged, {}) if isinstance(tagged, str) else next(iter(tagged.items()))


class Tally:
    def __init__(self, tally):
        self.tally = tally
        self.sides = range(len(tally["tables"]))
        self.union = None if tally["population"] == "first" else tally["population"]["union"]["by"]
        self.dimensions = [kind(dimension) for dimension in tally["dimensions"]]
        self.measures = [(measure["side"], *kind(measure["of"]), measure["rows"], measure["clamp"]) for measure in tally["measures"]]

    def conditions(self, conditions):
        """SQL that is true of a row `r` which meets all of them."""
        terms = ["true"]
        for condition in conditions:
            name, of = kind(condition)
            column = "r.grp" if of["column"] == "group" else f"r.{of['column']}"
            if name == "one_of":
                terms.append(f"coalesce({column} IN ({', '.join(map(str, of['codes']))}), false)")
            elif name == "between":
                terms.append(f"coalesce({column}::HUGEINT BETWEEN ({of['least']})::HUGEINT AND ({of['most']})::HUGEINT, false)")
            else:
                start = f"(SELECT day FROM start{of['side']} WHERE who = r.who)"
                terms.append(f"coalesce(r.{of['column']}::BIGINT - {start} BETWEEN {of['first']} AND {of['last']}, false)")
        return " AND ".join(terms)

    def prepare(self):
        """Tables `counted`, of all rows that count, and `person`; the number of people who refuse."""
        has_place = any(name == "matched_with_consent" for name, _ in self.dimensions)
        of_population = "true" if self.union else "side = 0"
        base.execute(f"CREATE OR REPLACE TEMP TABLE known AS SELECT DISTINCT who FROM raw WHERE {of_population}")
        refuser = "side = 1 AND NOT agreed" if has_place else "false"
        base.execute(f"CREATE OR REPLACE TEMP TABLE refuser AS SELECT DISTINCT who FROM raw WHERE {refuser}")
        base.execute("CREATE OR REPLACE TEMP TABLE agreeing AS SELECT * FROM raw SEMI JOIN known USING (who) "
                     "WHERE NOT (side = 1 AND who IN (FROM refuser))")
        base.execute("CREATE OR REPLACE TEMP TABLE refused AS SELECT who FROM agreeing GROUP BY who HAVING NOT bool_and(agreed)")
        base.execute("DELETE FROM agreeing WHERE who IN (FROM refused)")
        rows = {side: self.tally["tables"][side]["rows"] for side in self.sides}
        has_start = lambda side: any(kind(condition)[0] == "since_start" for condition in rows[side])
        for side in self.sides:
            # Which rows count where a start is read depends on no start.
            where = "false" if has_start(side) else self.conditions(rows[side])
            base.execute(f"CREATE OR REPLACE TEMP TABLE start{side} AS SELECT who, min(day)::BIGINT AS day FROM agreeing r "
                         f"WHERE side = {side} AND {where} GROUP BY who")
        all_of = [f"side = {side} AND {self.conditions(rows[side])}" for side in self.sides]
        base.execute(f"CREATE OR REPLACE TEMP TABLE counted AS SELECT * FROM agreeing r WHERE ({') OR ('.join(all_of)})")
        base.execute(f"CREATE OR REPLACE TEMP TABLE person AS SELECT DISTINCT who FROM counted WHERE {of_population}")
        return base.execute("SELECT count(*) FROM refused").fetchone()[0]

    def own(self, name, of):
        """What place a row `r` has in a dimension of rows, and which it is without a row."""
        if name == "group":
            return f"coalesce('i' || r.grp, 'i{of['values']}')", f"'i{of['values']}'"
        if name == "label":
            return "coalesce('l' || r.label, 'l')", "'l'"
        return self.bin("r.day", of["edges"], len(of["edges"]) + 1), f"'i{len(of['edges']) + 1}'"

    @staticmethod
    def bin(value, edges, none=None):
        below = " + ".join(f"({value} >= {edge})::INT" for edge in edges)
        return f"CASE WHEN {value} IS NULL THEN 'i{none}' ELSE 'i' || ({below}) END"

    def made(self, at):
        """What a measure makes of rows `r`, before it is clamped."""
        side, name, of, rows, _ = self.measures[at]
        where = f"FILTER (WHERE {self.conditions(rows)})"
        if name in ("rows", "rows_of_all"):
            return f"count(*) {where}"
        column = "r.grp" if of["column"] == "group" else f"r.{of['column']}"
        if name == "distinct":
            return f"count(DISTINCT {column}) {where}"
        return f"coalesce(sum(greatest(least({column}, {FARTHEST}), -{FARTHEST})::HUGEINT) {where}, 0)"

    def is_of(self, at, side):
        of, name, *_ = self.measures[at]
        return name == "rows_of_all" or of == side

    def clamped(self, at, value):
        clamp = self.measures[at][4]
        return f"greatest(least(({value})::HUGEINT, {clamp['most']}), {clamp['least']})"

    def tuples(self):
        """For each dataset a table of the places of each person's rows, and of what measures make of them."""
        for side in self.sides:
            own = [(at, *self.own(name, of)) for at, (name, of) in enumerate(self.dimensions)
                   if name in ("group", "label", "days") and of["side"] == side]
            made = [(at, self.made(at)) for at in range(len(self.measures)) if self.is_of(at, side)]
            names = "".join(f", {place} AS d{at}" for at, place, _ in own)
            values = "".join(f", {value} AS m{at}" for at, value in made)
            grouped = "".join(f", d{at}" for at, _, _ in own)
            none = "".join(f", coalesce(t.d{at}, {place}) AS d{at}" for at, _, place in own)
            none += "".join(f", coalesce(t.m{at}, 0) AS m{at}" for at, _ in made)
            base.execute(f"CREATE OR REPLACE TEMP TABLE tuple{side} AS SELECT person.who{none} FROM person LEFT JOIN ("
                         f"SELECT r.who{names}{values} FROM counted r WHERE side = {side} GROUP BY r.who{grouped}) t USING (who)")

    def total(self, at):
        """A person's total of a measure, over all places."""
        parts = [f"(SELECT sum(m{at}) FROM tuple{side} WHERE who = p.who)" for side in self.sides if self.is_of(at, side)]
        return self.clamped(at, " + ".join(parts))

    def whole(self, name, of):
        """The place of a whole person `p` in a dimension."""
        rows = lambda side: f"FROM counted r WHERE r.who = p.who AND r.side = {side}"
        has = lambda side: f"EXISTS ({rows(side)})"
        known = f"p.who LIKE '{self.union}%'"
        if name in ("matched", "matched_with_consent"):
            refused = "p.who IN (FROM refuser)" if name == "matched_with_consent" else "false"
            return f"CASE WHEN {refused} THEN 'i2' WHEN {has(1)} THEN 'i1' ELSE 'i0' END"
        if name == "membership":
            mask = " + ".join(f"{has(side)}::INT * {1 << side}" for side in self.sides)
            first = " ".join(f"WHEN {has(side)} THEN 'i{(1 << len(self.sides)) - 1 + side}'" for side in self.sides)
            return f"CASE WHEN {known} THEN 'i' || ({mask} - 1) ELSE CASE {first} END END"
        if name == "known":
            return f"CASE WHEN {known} THEN 'i1' ELSE 'i0' END"
        if name in ("only", "creative"):
            side, values = of.get("side", 0), of["values"]
            column, tag = ("r.label", "l") if values is None else ("r.grp", "i")
            none, several = ("'l'", "'i0'") if values is None else (f"'i{values}'", f"'i{values + 1}'")
            return (f"(SELECT CASE count(DISTINCT {column}) WHEN 0 THEN {none} WHEN 1 THEN '{tag}' || max({column}) "
                    f"ELSE {several} END {rows(side)})")
        if name == "earliest":
            return f"(SELECT {self.bin('min(r.day)', of['edges'], len(of['edges']) + 1)} {rows(of['side'])})"
        if name == "arm":
            test, control = (f"coalesce(r.grp IN ({', '.join(map(str, of[arm]))}), false)" for arm in ("test", "control"))
            counts = f"bool_or({test}) AS t, bool_or({control}) AS c, bool_or(NOT {test} AND NOT {control}) AS e"
            return (f"(SELECT CASE WHEN t AND NOT c AND NOT e THEN 'i0' WHEN c AND NOT t AND NOT e THEN 'i1' "
                    f"WHEN t OR c THEN 'i2' ELSE 'i3' END FROM (SELECT {counts} {rows(0)}))")
        return self.bin(self.total(of["measure"]), of["edges"])

    def answer(self):
        out = self.prepare()
        self.tuples()
        cell = {at: self.clamped(at, " + ".join(f"tuple{side}.m{at}" for side in self.sides if self.is_of(at, side)))
                for at in range(len(self.measures))}
        names = []
        for at, (name, of) in enumerate(self.dimensions):
            if name in ("group", "label", "days"):
                names.append(f"tuple{of['side']}.d{at}")
            elif name == "bins_per_group":
                names.append(self.bin(cell[of["measure"]], of["edges"]))
            else:
                names.append(self.whole(name, of))
        figures = [f"sum({value})" for value in cell.values()]
        for product in self.tally["products"]:
            unit = 1 << product["coarse"]
            twice = f"(2 * {cell[product['one']]} * {cell[product['other']]} + {unit})"
            rest = f"((({twice} % {2 * unit}) + {2 * unit}) % {2 * unit})"
            figures.append(f"sum(({twice} - {rest}) // {2 * unit})")
        joins = " ".join(f"JOIN tuple{side} ON tuple{side}.who = p.who" for side in self.sides)
        columns = [*(f"{name} AS n{at}" for at, name in enumerate(names)), "count(*)", *figures]
        group = f"GROUP BY {', '.join(f'n{at}' for at in range(len(names)))}" if names else "HAVING count(*) > 0"
        found = base.execute(f"SELECT {', '.join(columns)} FROM person p {joins} {group}").fetchall()
        found = [[list(row[:len(names)]), *map(int, row[len(names):])] for row in found]
        if out:
            found.append([None, out, *[0] * len(figures)])
        return found


def main():
    wrong = compared = 0
    schema = pyarrow.schema([("side", pyarrow.int32()), ("who", pyarrow.string()), ("agreed", pyarrow.bool_()), ("grp", pyarrow.int32()),
                             ("label", pyarrow.string()), ("number", pyarrow.int64()), ("day", pyarrow.int32())])
    for line in open(sys.argv[1]):
        case = json.loads(line)
        columns = list(zip(*case["rows"])) or [()] * len(schema)
        rows = pyarrow.table([pyarrow.array(column, field.type) for column, field in zip(columns, schema)], schema=schema)
        base.register("given", rows)
        base.execute("CREATE OR REPLACE TEMP TABLE raw AS FROM given")
        key = lambda cell: str(cell)
        found, counted = (sorted(cells, key=key) for cells in (Tally(case["tally"]).answer(), case["answer"]))
        compared += 1
        if found != counted:
            wrong += 1
            print(f"{json.dumps(case['tally'])}\n{json.dumps(case['rows'])}\nthe engine counts {counted}\nDuckDB counts {found}\n")
    print(f"{compared} tallies, {wrong} differ")
    sys.exit(1 if wrong or not compared else 0)


main()
