"""Seals a table where Spark can read it: Spark makes tags and sorts, on as many machines as there are, and pyarrow writes.

    spark-submit with_spark.py TABLE SALT STEM DECLARED email=email tier=group:gold|basic spend=measure:2 ..

TABLE is Parquet or CSV with a header, SALT the file in the party's folder, STEM a path on the driver's machine, and
DECLARED as for with_duckdb.py. See sealed_v2.py for the columns. Each bucket is one partition, so memory is one bucket on each core; only sealed rows come to the driver, one
bucket at a time. Needs pyspark and pyarrow everywhere.
"""

import hashlib
import hmac
import sys

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from sealed_v2 import KINDS, TAG_DOMAIN, YES, Writer, columns, declared


def tagger(role, salt):
    """The tag of an identifier; None where there is none."""
    def key(text):
        if role == "hashed":
            import base64
            return bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
        text = text.strip()
        if role == "email":
            user, domain = text.lower().split("@")
            if domain == "gmail.com":
                user = user.split("+")[0].replace(".", "")
            text = f"{user}@{domain}"
        return hashlib.sha256(text.encode()).digest()

    message = TAG_DOMAIN + bytes([KINDS[role]])
    return lambda text: hmac.new(salt, message + key(text), hashlib.sha256).digest()[:16] if text else None


def value(column):
    """What a sealed file has of a column that is no match key."""
    # Checked as text, so that nothing is rounded, cut or guessed on the way.
    written = F.col(f"`{column.name}`").cast("string")
    plain = F.when(written != "", written)
    fits, missing = plain.rlike(f"^(?:{column.pattern})\\z"), F.lit(-1)
    if column.role == "group":
        domain = F.array(*[F.lit(text) for text in column.domain])
        fits, made = plain.isin(column.domain), (F.array_position(domain, plain) - 1).cast("int")
    elif column.role == "label":
        fits, missing = fits & (F.octet_length(plain) <= 32), F.lit(bytes(32))
        made = F.rpad(plain.cast("binary"), 32, F.lit(b"\0"))
    elif column.role == "date":
        day = F.try_to_date(plain, "yyyy-MM-dd")
        first = F.lit("1970-01-01").cast("date")
        fits, made = fits & (day >= first), F.datediff(day, first)
    elif column.role == "consent":
        made = F.lower(plain).isin(list(YES)).cast("int")
    else:
        made = (plain.cast(T.DecimalType(38, column.scale)) * 10 ** column.scale).cast("long")
        missing = None
    kinds = {"label": "binary", "measure": "long", "feature": "long"}
    refused = F.raise_error(F.lit(column.expected)).cast(kinds.get(column.role, "int"))
    known = F.when(plain.isNull(), refused if missing is None else missing)
    return known.when(fits, made).otherwise(refused)


def main():
    source, salt, stem, sizes, *rest = sys.argv[1:]
    layout = columns(rest)
    with open(salt, "rb") as file:
        salt = file.read()
    spark = SparkSession.builder.appName("seal").getOrCreate()
    table = spark.read.parquet(source) if source.endswith(".parquet") else spark.read.option("header", True).csv(source)
    taggers = {column.name: tagger(column.role, salt) for column in layout if column.role in KINDS}

    def with_tags(batches):
        for batch in batches:
            arrays = {name: batch.column(name) for name in batch.schema.names}
            people = [None] * batch.num_rows
            for name, tag in taggers.items():
                tags = [tag(text) for text in arrays[name].to_pylist()]
                people = [person or tag for person, tag in zip(people, tags)]
                arrays[name] = pa.array([tag or bytes(16) for tag in tags], pa.binary())
            yield pa.RecordBatch.from_arrays([pa.array(people, pa.binary()), *arrays.values()], [PERSON, *arrays])

    selected = table.select([
        F.col(f"`{column.name}`").cast("string").alias(column.name) if column.role in KINDS
        else value(column).alias(column.name) for column in layout])
    fields = [T.StructField(f.name, T.BinaryType()) if f.name in taggers else f for f in selected.schema.fields]
    types = T.StructType([T.StructField(PERSON, T.BinaryType()), *fields])
    tagged = selected.mapInArrow(with_tags, types).where(F.col(PERSON).isNotNull()).cache()
    count, most = tagged.groupBy(PERSON).count().agg(F.sum("count"), F.max("count")).first()
    shape = declared(sizes, count)
    if most > shape.per_person:
        raise SystemExit(f"one person has {most} rows, and {shape.per_person} are declared")
    first = F.conv(F.hex(F.substring(F.col(PERSON), 1, 2)), 16, 10).cast("int")
    buckets = tagged.withColumn(BUCKET, F.shiftright(first, 16 - shape.bits))
    buckets = buckets.repartition(max(1 << shape.bits, 2), BUCKET).sortWithinPartitions(BUCKET, PERSON).cache()
    with Writer(stem, layout, shape) as writer:
        for number in range(1 << shape.bits):
            rows = buckets.where(F.col(BUCKET) == number).toArrow().sort_by(PERSON)
            writer.write(rows.drop_columns([BUCKET, PERSON]))
    spark.stop()


PERSON, BUCKET = "the_person", "the_bucket"

main()
