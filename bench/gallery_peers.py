"""One way to find neighbours among many embeddings, run by the Python of its own environment.

    python bench/gallery_peers.py NAME FOLDER

For a line ``QUERY FILTERED`` on standard input it answers with milliseconds and the rows found, nearest first;
filtered, among the query's place only. FOLDER holds ``vectors.npy``, ``places.npy``, ``queries.npy`` and
``asked.npy``, the places of the queries.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COUNT = 10
EF_CONSTRUCTION, EF_SEARCH, LINKS = 200, 100, 16  # as ours has
Find = Callable[[int, bool], Any]


def postgres(folder: Path) -> tuple[str, Find]:
    """Ask as the site does, with its own code."""
    import django

    django.setup()
    from django.db import connection
    from pgvector import HalfVector

    from places import gallery
    from places.models import ModelVersion, Place

    queries = np.load(folder / "queries.npy")
    # As they come out of a search's row.
    vectors: list[Any] = [HalfVector(query) for query in queries]
    version = ModelVersion.serving_places()
    assert version is not None
    by_slug = {place.slug: place for place in Place.objects.all()}
    places = [by_slug.get(slug) for slug in np.load(folder / "asked.npy")]

    def find(query: int, filtered: bool) -> Any:
        near = gallery.neighbours(vectors[query], version, place=places[query] if filtered else None)
        return [neighbour.picture.title for neighbour in near[:COUNT]]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), extversion FROM pg_extension WHERE extname = 'vector'"
        )
        server, pgvector = cursor.fetchone()
    return f"PostgreSQL {server}, pgvector {pgvector}", find


def exact(folder: Path) -> tuple[str, Find]:
    """Multiply with everything."""
    vectors, queries, rows = read(folder)

    def find(query: int, filtered: bool) -> Any:
        among = rows(query) if filtered else None
        cosines = (vectors if among is None else vectors[among]) @ queries[query]
        top = np.argpartition(-cosines, min(COUNT, len(cosines) - 1))[:COUNT]
        top = top[np.argsort(-cosines[top])]
        return top if among is None else among[top]

    return f"NumPy {np.__version__}", find


def faiss(folder: Path) -> tuple[str, Find]:
    """FAISS's graph with the same numbers of links and candidates."""
    import faiss as library

    vectors, queries, rows = read(folder)
    index = library.IndexHNSWFlat(vectors.shape[1], LINKS, library.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = EF_CONSTRUCTION, EF_SEARCH
    index.add(vectors)

    def find(query: int, filtered: bool) -> Any:
        selected = library.IDSelectorBatch(rows(query)) if filtered else None
        how = library.SearchParametersHNSW(efSearch=EF_SEARCH, sel=selected)
        found = index.search(queries[query : query + 1], COUNT, params=how)[1][0]
        return found[found >= 0]

    return f"FAISS {library.__version__}", find


def read(folder: Path) -> tuple[Any, Any, Callable[[int], Any]]:
    """Return vectors, queries, and what gives the rows of a query's place."""
    places, asked = np.load(folder / "places.npy"), np.load(folder / "asked.npy")
    by_place = {slug: np.flatnonzero(places == slug) for slug in set(asked)}
    return np.load(folder / "vectors.npy"), np.load(folder / "queries.npy"), lambda query: by_place[asked[query]]


CONTENDERS: dict[str, Callable[[Path], tuple[str, Find]]] = {
    "ours": postgres,
    "exact": exact,
    "FAISS HNSW": faiss,
}


def main() -> None:
    about, find = CONTENDERS[sys.argv[1]](Path(sys.argv[2]))
    print("ready", about, flush=True)
    for line in sys.stdin:
        query, filtered = map(int, line.split())
        began = time.perf_counter()
        rows = find(query, bool(filtered))
        print(f"{(time.perf_counter() - began) * 1000:.4f}", *rows, flush=True)


if __name__ == "__main__":
    main()
