"""The report of a collection: what was dropped and why, with thumbnails, in one HTML file."""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from string import Template

from crawler import manifest
from crawler.ledger import THUMBNAILS
from crawler.manifest import Row

NAME = "report.html"
_SHOWN = 60  # pictures a reason; the manifest has them all
REASONS = {
    "too_small": "Too small",
    "too_odd": "Too long and narrow",
    "not_a_photo": "Drawings, maps and pages of text",
    "same_file": "Exact copies",
    "near_copy": "Near-copies",
    "in_two_classes": "In two classes",
    "denied": "Taken down",
    "opted_out": "The owner asks programs not to use it",
}
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer"><title>What was collected</title><style>
:root{color-scheme:light dark;--back:#fff;--text:#1d2125;--quiet:#5b636b;--line:#d9dee3}
@media(prefers-color-scheme:dark){:root{--back:#16191c;--text:#e6e9ec;--quiet:#9aa4ad;--line:#343a40}}
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;background:var(--back);
color:var(--text)}table{border-collapse:collapse}td,th{padding:.25rem 1rem .25rem 0;text-align:left;
border-bottom:1px solid var(--line)}td.n{text-align:right;font-variant-numeric:tabular-nums}
ul{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem;list-style:none;padding:0}
li{font-size:.8rem;color:var(--quiet);overflow-wrap:anywhere}li img{display:block;max-width:100%;height:8rem;
object-fit:contain}a{color:inherit}</style></head><body>
<h1>What was collected</h1><p>$kept kept, $dropped dropped.</p>
<table><thead><tr><th>Class</th><th>Kept</th><th>Dropped</th><th>Outcome</th></tr></thead><tbody>$classes</tbody></table>
$sections</body></html>
""")


def write_report(folder: Path, outcomes: Sequence[tuple[str, str, str]]) -> Path:
    """Write the report of all that the manifest tells; ``outcomes`` are folder, name and sentence of each class."""
    kept: Counter[str] = Counter()
    dropped: dict[str, list[Row]] = defaultdict(list)
    for row in manifest.read(folder):
        if row.event == "kept":
            kept[row.folder] += 1
        elif row.event == "withdrawn":
            kept[row.folder] -= 1
        if row.event != "kept":
            dropped[row.reason].append(row)
    path = folder / NAME
    path.write_text(_page(folder, outcomes, kept, dropped), encoding="utf-8")
    return path


def _page(
    folder: Path, outcomes: Sequence[tuple[str, str, str]], kept: Counter[str], dropped: dict[str, list[Row]]
) -> str:
    away = Counter(row.folder for rows in dropped.values() for row in rows)
    lines = [
        f"<tr><td><bdi>{escape(name)}</bdi></td><td class=n>{kept[shelf]}</td><td class=n>{away[shelf]}</td>"
        f"<td><bdi>{escape(sentence)}</bdi></td></tr>"
        for shelf, name, sentence in outcomes
    ]
    by_number = sorted(dropped.items(), key=lambda item: -len(item[1]))
    sections = [_section(folder, reason, rows) for reason, rows in by_number]
    return _PAGE.substitute(kept=kept.total(), dropped=away.total(), classes="".join(lines), sections="".join(sections))


def _section(folder: Path, reason: str, rows: list[Row]) -> str:
    title = REASONS.get(reason, reason.replace("_", " ").capitalize())
    more = f"<p>The first {_SHOWN}; the manifest has them all.</p>" if len(rows) > _SHOWN else ""
    return f"<h2>{escape(title)}: {len(rows)}</h2>{more}<ul>{''.join(_items(folder, rows[:_SHOWN]))}</ul>"


def _items(folder: Path, rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        thumbnail = folder / THUMBNAILS / row.sha256
        picture = ""
        if row.sha256 and thumbnail.is_file():
            data = base64.b64encode(thumbnail.read_bytes()).decode()
            picture = f'<img alt="" src="data:image/jpeg;base64,{data}">'
        words = f"<bdi>{escape(row.title[:120] or row.file or row.url[:120])}</bdi>"
        link = row.page or row.url
        if link.startswith(("http://", "https://")):
            words = f'<a rel="noopener noreferrer nofollow" href="{escape(link)}">{words}</a>'
        yield f"<li>{picture}{words}<br>{escape(row.sentence)}</li>"
