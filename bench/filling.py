"""A site's database filled with many pictures and searches, as if it had served for long."""

import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector

from bench.embeddings import Gallery
from geosite.launch import addresses, servers

ROOT = Path(__file__).parent.parent
APPROVED = 0.9  # of the pictures; the others wait for curators
FILLED = "filled-for-review"  # another name where other columns are filled
KINDS = 1000  # of styles and tones, which nothing is searched by
PICTURE = """COPY places_picture (id, place_id, status, original, image, thumbnail, title, source, page_url, licence,
    author, content_hash, problem, created_at, predicted_kind, prelabelled, usefulness, tone, look) FROM STDIN"""
SEARCH = """INSERT INTO places_search (id, owner_hash, created_at, expires_at, state, attempts, sent_at, started_at,
    finished_at, error_code, error_message, source_url, original, photo, content_hash, model_version_id, kind,
    confidence, place_id, predictions, objects_seen, embedding, timings, similar_state, similar_query, similar_note,
    similar_results)
SELECT gen_random_uuid(), md5(n::text), now() - n * interval '1 second', '2100-01-01', 'done', 1, now(), now(), now(),
    '', '', '', '', '', md5(n::text) || md5('b' || n), %(version)s, 'place', 0.9, e.place_id, %(answer)s,
    %(objects)s, e.vector, '{"total": 90, "decode": 10, "recognise": 60}', 'done', 'words', '', %(similar)s
FROM generate_series(1, %(count)s) n JOIN
    (SELECT row_number() OVER () AS number, vector, place_id FROM places_embedding JOIN places_picture p
     ON p.id = picture_id) e ON e.number = n"""


@contextmanager
def database(var_dir: Path) -> Iterator[None]:
    """Run the servers of ``var_dir``, migrated."""
    running = servers.start(var_dir)
    try:
        for command in (["migrate", "-v0"], ["load_starter"]):
            manage(var_dir, *command)
        yield
    finally:
        running.stop()


def manage(var_dir: Path, *arguments: str) -> None:
    """Run one of the site's commands."""
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment(var_dir), check=True, stdout=subprocess.DEVNULL)


def environment(var_dir: Path) -> dict[str, str]:
    """Return the environment of a process that belongs to the site in ``var_dir``."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    return kept | {
        "VAR_DIR": str(var_dir), "DJANGO_SETTINGS_MODULE": "geosite.settings", "PYTHONPATH": str(ROOT),
    }  # fmt: skip


def connect(var_dir: Path) -> psycopg.Connection[Any]:
    """Connect to the database of a site."""
    host = str(addresses.socket_folder(var_dir))
    return psycopg.connect(host=host, port=5432, user="geosite", dbname="geosite", autocommit=True)


def approved(count: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which pictures are approved, the same ones each time."""
    return np.random.default_rng(3).random(count) < APPROVED


def fill(var_dir: Path, gallery: Gallery) -> None:
    """Put ``gallery`` and as many searches into the running database, unless they are there."""
    if (var_dir / FILLED).is_file():
        return
    with connect(var_dir) as connection:
        register_vector(connection)
        connection.execute("SET maintenance_work_mem = '1GB'")
        version = one(connection, "SELECT id FROM places_modelversion WHERE kind = 'places' AND serving")
        index = one(connection, "SELECT indexdef FROM pg_indexes WHERE indexname = 'embedding_by_cosine'")
        # An index is built at once far faster than row by row.
        connection.execute("DROP INDEX embedding_by_cosine")
        connection.execute("TRUNCATE places_picture, places_search CASCADE")
        keys = copy_pictures(connection, gallery)
        copy_embeddings(connection, keys, gallery, version)
        make_searches(connection, keys, version)
        connection.execute(index)
        connection.execute("VACUUM ANALYZE")
    (var_dir / FILLED).touch()


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    """Return the one value that a query answers."""
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def copy_pictures(connection: psycopg.Connection[Any], gallery: Gallery) -> list[uuid.UUID]:
    """Write a row for each picture, whose title is its number; return their keys."""
    places = dict(connection.execute("SELECT slug, id FROM places_place").fetchall())
    keys = [uuid.uuid4() for _ in gallery.places]
    good = approved(len(keys))
    tones = [HalfVector(tone) for tone in directions(125)]
    looks = np.random.default_rng(4).integers(-(2**63), 2**63 - 1, len(keys)).tolist()
    with connection.cursor().copy(PICTURE) as copy:
        for number, (key, slug) in enumerate(zip(keys, gallery.places, strict=True)):
            status = "approved" if good[number] else "candidate"
            name, digest = f"pictures/{key}.jpg", hashlib.sha256(str(number).encode()).hexdigest()
            fixed = ("", name, name, str(number), "bench", "", "unknown", "", digest, "", "2026-01-01 00:00Z")
            unsaid = ("", False, 0.0)
            copy.write_row((key, places.get(str(slug)), status, *fixed, *unsaid, tones[number % KINDS], looks[number]))
    return keys


def copy_embeddings(connection: psycopg.Connection[Any], keys: list[uuid.UUID], gallery: Gallery, version: int) -> None:
    """Write the embedding of each picture."""
    styles = [HalfVector(style) for style in directions(1056)]
    with connection.cursor().copy(
        "COPY places_embedding (picture_id, model_version_id, vector, style) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["uuid", "int8", "halfvec", "halfvec"])
        for number, (key, vector) in enumerate(zip(keys, gallery.vectors, strict=True)):
            copy.write_row((key, version, HalfVector(vector), styles[number % KINDS]))


def directions(numbers: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return unit vectors (KINDS, numbers), the same ones each time."""
    drawn = np.random.default_rng(5).normal(size=(KINDS, numbers))
    directions: np.ndarray[Any, np.dtype[np.float64]] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return directions


def make_searches(connection: psycopg.Connection[Any], keys: list[uuid.UUID], version: int) -> None:
    """Write as many answered searches as there are pictures."""
    similar = [{"picture": str(key)} for key in keys[:24]]
    values = {
        "version": version,
        "count": len(keys),
        "answer": json.dumps([["big-ben", 0.9], ["petra", 0.1]]),
        "objects": json.dumps([["castle", "n02980441", 0.5]]),
        "similar": json.dumps(similar),
    }
    connection.execute(SEARCH, values)
