"""Makes static/img/world.svg, the land behind points on maps, from Natural Earth (public domain).

    npm pack world-atlas@2.0.2 && tar -xf world-atlas-2.0.2.tgz
    .venv/bin/python docs/world/make.py package/land-110m.json > static/img/world.svg

Degrees are drawn as they are (plate carrée), four units each, from 180° west and 84° north to 58° south;
places/templatetags/shown.py puts points onto it.
"""

import json
import sys
from pathlib import Path
from typing import Any

UNITS, NORTH, SOUTH = 4, 84, -58
Point = tuple[int, int]


def arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Return the TopoJSON file's lines in the map's units."""
    (across, up), (west, south) = topology["transform"]["scale"], topology["transform"]["translate"]
    lines = []
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            longitude, latitude = x * across + west, y * up + south
            line.append((round((longitude + 180) * UNITS), round((NORTH - latitude) * UNITS)))
        lines.append(line)
    return lines


def ring(indices: list[int], lines: list[list[Point]]) -> list[Point]:
    """Return one outline; an arc that is counted from the end runs backwards."""
    points: list[Point] = []
    for index in indices:
        line = lines[index] if index >= 0 else lines[~index][::-1]
        points += line[1:] if points else line
    return points


def whole(points: list[Point]) -> list[list[Point]]:
    """Return an outline, one that crosses the date line at both edges of the map: what is beyond them is not seen."""
    width, shift, unwrapped = 360 * UNITS, 0, [points[0]]
    for x, y in points[1:]:
        step = x + shift - unwrapped[-1][0]
        shift -= width * round(step / width)
        unwrapped.append((x + shift, y))
    edges = (min(x for x, _ in unwrapped) < 0, max(x for x, _ in unwrapped) > width)
    moves = [0] + [width] * edges[0] + [-width] * edges[1]
    return [[(x + move, y) for x, y in unwrapped] for move in moves]


def drawn(points: list[Point]) -> str:
    """Return an outline as a path of small steps; steps of nothing are left out."""
    text = f"M{points[0][0]} {points[0][1]}l"
    x, y = points[0]
    for across, down in points[1:-1]:
        if (across, down) != (x, y):
            text += f"{across - x} {down - y} "
            x, y = across, down
    return text.rstrip() + "z"


def main() -> None:
    topology = json.loads(Path(sys.argv[1]).read_text())
    lines = arcs(topology)
    polygons = [polygon for shape in topology["objects"]["land"]["geometries"] for polygon in shape["arcs"]]
    outlines = [ring(indices, lines) for polygon in polygons for indices in polygon]
    shown = [points for points in outlines if min(y for _, y in points) < (NORTH - SOUTH) * UNITS]
    path = "".join(drawn(part) for points in shown if len({*points}) > 2 for part in whole(points))
    sys.stdout.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {360 * UNITS} {(NORTH - SOUTH) * UNITS}">'
        f'<path id="land" d="{path.replace(" -", "-")}"/></svg>\n'
    )


main()
