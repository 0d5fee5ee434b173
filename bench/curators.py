"""The curators' pages on a large site: 1,000 places and 200,000 pictures, with what visitors said of as many searches.

python -m bench curators
"""

import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import requests

from bench import filling, peers, running
from bench.summary import line, page, row, table
from tests.site import Site, start_site

PLACES, PICTURES, SAID, REPORTS, ROUNDS = 1_000, 200_000, 20_000, 1_000, 40
GOAL_MS = 500
PAGES = {
    "front page": "/admin/",
    "inbox": "/admin/inbox/",
    "inbox, tenth page": "/admin/inbox/?page=10",
    "inbox, what was seen to": "/admin/inbox/?handled=1",
    "review": "/admin/review/",
    "review of one place": "/admin/review/?place=place-5",
    "review, second look": "/admin/review/?status=second_look",
    "review, near-copies": "/admin/review/?show=copies",
    "review, likely wrong labels": "/admin/review/?show=wrong",
    "list of places": "/admin/places/place/",
    "list of places, by a word": "/admin/places/place/?q=place+77",
    "list of pictures": "/admin/places/picture/",
    "list of pictures, thirtieth page": "/admin/places/picture/?p=30",
    "list of pictures, approved": "/admin/places/picture/?status__exact=approved",
    "list of pictures, by a word": "/admin/places/picture/?q=Picture+1234",
    "list of searches": "/admin/places/search/",
    "list of feedback": "/admin/places/feedback/",
    "list of decisions": "/admin/places/decision/",
    "list of reports": "/admin/places/report/",
    "collecting": "/admin/collecting/",
    "training": "/admin/places/trainingrun/",
    "all places, page": "/places/",
    "one place, page": "/places/place-5/",
}
# What is read with each row is what the site writes; numbers stand for names, and files are not there.
FILL = (
    """INSERT INTO places_place (slug, name, name_ko, local_name, local_language, country, city, continent, latitude,
        longitude, description, description_ko, query, nearby_state)
    SELECT 'place-' || n, 'Place ' || n, '', '', '', 'DE', 'Berlin', 'Europe', -60 + n %% 1200 / 10.0,
        -170 + n %% 1700 / 5.0, repeat('x', 300), '', 'place ' || n, '' FROM generate_series(1, %(places)s) n""",
    """INSERT INTO places_picture (id, place_id, status, original, image, thumbnail, width, height, title, source,
        page_url, licence, author, content_hash, problem, created_at, look, predicted_id, predicted_kind, confidence,
        predicted_by_id, prelabelled, usefulness, copies)
    SELECT gen_random_uuid(), p.id,
        (ARRAY['approved', 'approved', 'approved', 'candidate', 'candidate', 'second_look', 'rejected', 'approved',
               'candidate', 'not_a_place'])[1 + n %% 10],
        '', 'i', 't', 320, 240, 'Picture ' || n, (ARRAY['commons', 'bing', 'visitor', 'curator'])[1 + n %% 4],
        'https://pages.example.org/' || n, 'CC BY 4.0', 'Ada', encode(sha256(n::text::bytea), 'hex'), '',
        now() - n * interval '1 minute', hashtextextended(n::text, 0), p.id, 'place', n %% 1000 / 1000.0, %(version)s,
        false, n %% 997 / 997.0, CASE WHEN n %% 20 < 2 THEN md5((n / 20)::text)::uuid END
    FROM generate_series(1, %(pictures)s) n JOIN places_place p ON p.slug = 'place-' || (1 + n %% %(places)s)""",
    """INSERT INTO places_decision (picture_id, content_hash, by_id, at, from_status, to_status, from_place_id,
        to_place_id, batch)
    SELECT id, content_hash, %(user)s, created_at, 'candidate', status, place_id, place_id, gen_random_uuid()
    FROM places_picture WHERE status IN ('approved', 'rejected')""",
    """INSERT INTO places_search (id, owner_hash, created_at, expires_at, state, attempts, sent_at, started_at,
        finished_at, error_code, error_message, source_url, original, photo, content_hash, model_version_id, kind,
        confidence, place_id, predictions, objects_seen, timings, similar_state, similar_query, similar_note,
        similar_results)
    SELECT gen_random_uuid(), md5(n::text), now() - n * interval '1 second', '2100-01-01', 'done', 1, now(), now(),
        now(), '', '', '', '', 'p', md5(n::text), %(version)s, 'place', 0.9, p.id, '[]', '[]',
        '{"total": 90, "decode": 10, "recognise": 60}', 'done', 'words', '', '[]'
    FROM generate_series(1, %(said)s) n JOIN places_place p ON p.slug = 'place-' || (1 + n %% %(places)s)""",
    """INSERT INTO places_feedback (search_id, "right", answered_id, place_id, kept, picture_id, created_at, outcome,
        handled_at)
    SELECT s.id, s.number %% 3 > 0, s.place_id, s.place_id, s.number %% 5 = 0, g.id, s.created_at,
        CASE WHEN s.number %% 2 = 0 THEN 'dismissed' ELSE '' END, CASE WHEN s.number %% 2 = 0 THEN s.created_at END
    FROM (SELECT *, row_number() OVER (ORDER BY created_at) AS number FROM places_search) s
    LEFT JOIN (SELECT id, 5 * row_number() OVER (ORDER BY created_at) AS number FROM places_picture
               WHERE source = 'visitor') g ON g.number = s.number""",
    """INSERT INTO places_report (picture_id, address, image_url, reason, words, email, state, created_at, closed_at)
    SELECT id, '', '', 'rights', 'It is mine.', '', CASE WHEN number %% 2 = 0 THEN 'dismissed' ELSE 'open' END,
        created_at, CASE WHEN number %% 2 = 0 THEN created_at END
    FROM (SELECT id, created_at, row_number() OVER (ORDER BY created_at) AS number FROM places_picture) p
    WHERE number <= %(reports)s""",
)
LOGIN = (
    "from django.contrib.auth.models import User; from django.test import Client; c = Client(); "
    "u, new = User.objects.get_or_create(username='bench', defaults={'is_staff': True, 'is_superuser': True}); "
    "c.force_login(u); print(u.pk, c.cookies['sessionid'].value)"
)


def measure(out: Path, quick: bool = False) -> list[str]:
    """Write curators.md to ``out``; return the row of the summary."""
    sizes = {"places": PLACES, "pictures": PICTURES, "said": SAID, "reports": REPORTS}
    if quick:
        sizes = {name: max(10, size // 100) for name, size in sizes.items()}
    times = compare(2 if quick else ROUNDS, sizes)
    p95 = {name: float(np.quantile(each, 0.95)) for name, each in times.items()}
    rows = [line(name, f"{statistics.median(each):.0f}", f"{p95[name]:.0f}") for name, each in times.items()]
    said = (
        f"One site with {sizes['places']:,} places, {sizes['pictures']:,} pictures and decisions on most of them, "
        f"{sizes['said']:,} searches with feedback and {sizes['reports']:,} reports, asked over HTTP by somebody who "
        f"is logged in: {ROUNDS} times each, in turns. The front page asks every worker whether it answers, and "
        "waits a second for those that are there and do not."
    )
    text = [said, "", *table(("page", "median: ms", "95th percentile: ms"), rows)]
    page(out / "curators.md", "Curators' pages on a large site", text, quick)
    slowest = max((name for name in p95 if name != "front page"), key=lambda name: p95[name])
    what = f"curators' pages with {sizes['places']:,} places and {sizes['pictures']:,} pictures: slowest, p95"
    return [row(what, f"{p95[slowest]:.0f} ms ({slowest})", f"{GOAL_MS} ms at most", p95[slowest] <= GOAL_MS)]


def compare(rounds: int, sizes: dict[str, int]) -> dict[str, list[float]]:
    """Return the milliseconds of every page, ``rounds`` times each."""
    folder = peers.CACHE / "sites" / f"curators_{sizes['pictures']}"
    folder.mkdir(parents=True, exist_ok=True)
    with filling.database(folder):
        key = fill(folder, sizes)
    with start_site(folder) as site:
        times: dict[str, list[float]] = {name: [] for name in PAGES}
        with requests.Session() as curator:
            curator.cookies.set("sessionid", key)
            for turn in range(-2, rounds):
                for name, path in PAGES.items():
                    spent = running.milliseconds(lambda path=path: opened(curator, site, path))  # type: ignore[misc]
                    times[name] += [spent] if turn >= 0 else []
    return times


def opened(curator: requests.Session, site: Site, path: str) -> None:
    """Open a page, as who is logged in."""
    answer = curator.get(site.url + path, timeout=60, allow_redirects=False)
    assert answer.status_code == 200, (path, answer.status_code)


def fill(var_dir: Path, sizes: dict[str, int]) -> str:
    """Put so many rows into the running database, unless they are there; return the key of somebody's session."""
    command = [sys.executable, "-W", "ignore", "manage.py", "shell", "-v", "0", "-c", LOGIN]
    said = subprocess.run(
        command, cwd=filling.ROOT, env=filling.environment(var_dir), check=True, capture_output=True, text=True
    )
    user, key = said.stdout.split()[-2:]
    if not (var_dir / filling.FILLED).is_file():
        with filling.connect(var_dir) as connection:
            version = filling.one(connection, "SELECT id FROM places_modelversion WHERE kind = 'places' AND serving")
            connection.execute("TRUNCATE places_place, places_picture, places_search CASCADE")
            for statement in FILL:
                connection.execute(statement, {**sizes, "version": version, "user": int(user)})
            connection.execute("VACUUM ANALYZE")
        (var_dir / filling.FILLED).touch()
    return key
