#!/usr/bin/env python3
"""Makes datasets/territorio/data/confini.topojson, the simplified boundaries that maps are drawn with.

    scripts/boundaries.py ../shared/data/territory/confini.geojson

Input: municipalities as GeoJSON whose neighbours share vertices. Output: TopoJSON (a public format) with object `comuni`; a border
between two municipalities is one arc, simplified once, so neighbours never part. Districts are not stored: whoever draws them
drops the arcs that two municipalities of one district share. The script fails if simplification made a border cross another or took a
municipality away. Python's standard library is enough.
"""

import heapq
import json
import math
import sys
from collections import Counter, defaultdict
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "datasets/territorio/data/confini.topojson"
# A vertex goes if the triangle with its neighbours is smaller than this, in square kilometres: unseen on a map of the region.
LEAST = 0.25
# Grid of coordinates in degrees: about 20 m.
GRID = 2e-4
KM = (111.32 * math.cos(math.radians(41.9)), 110.95)


def rings(geometry):
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    for polygon in polygons:
        yield [[tuple(point) for point in ring] for ring in polygon]


def junctions(features):
    near = defaultdict(set)
    for feature in features:
        for polygon in rings(feature["geometry"]):
            for ring in polygon:
                for a, b in zip(ring, ring[1:]):
                    near[a].add(b)
                    near[b].add(a)
    return {point for point, others in near.items() if len(others) > 2}


def cut(ring, at):
    """The ring as pieces between junctions; a ring without any is one closed piece that starts at its least point."""
    ring = ring[:-1]
    starts = [i for i, point in enumerate(ring) if point in at]
    first = starts[0] if starts else ring.index(min(ring))
    ring = ring[first:] + ring[:first] + [ring[first]]
    pieces, piece = [], [ring[0]]
    for point in ring[1:]:
        piece.append(point)
        if point in at:
            pieces.append(piece)
            piece = [point]
    return pieces + ([piece] if len(piece) > 1 else [])


def area(a, b, c):
    (ax, ay), (bx, by), (cx, cy) = a, b, c
    return abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) / 2 * KM[0] * KM[1]


def simplify(line, least):
    """Visvalingam and Whyatt (1993): takes away the vertex of the smallest triangle until none is small. Ends stay."""
    keep = 4 if line[0] == line[-1] else 2
    before, after = list(range(-1, len(line) - 1)), list(range(1, len(line) + 1))
    weight = {i: area(line[i - 1], line[i], line[i + 1]) for i in range(1, len(line) - 1)}
    heap = [(w, i) for i, w in weight.items()]
    heapq.heapify(heap)
    left = len(line)
    while heap and left > keep:
        w, i = heapq.heappop(heap)
        if weight.get(i) != w:
            continue
        if w >= least:
            break
        del weight[i]
        left -= 1
        a, b = before[i], after[i]
        after[a], before[b] = b, a
        for j in (a, b):
            if j in weight:
                weight[j] = max(w, area(line[before[j]], line[j], line[after[j]]))
                heapq.heappush(heap, (weight[j], j))
    return [point for i, point in enumerate(line) if i in weight or i in (0, len(line) - 1)]


def crossings(arcs):
    """Pairs of segments that cross inside both, found through a grid of cells."""
    cells = defaultdict(list)
    segments = [(a, b) for arc in arcs for a, b in zip(arc, arc[1:])]
    for n, ((ax, ay), (bx, by)) in enumerate(segments):
        for x in range(int(min(ax, bx) / 0.02), int(max(ax, bx) / 0.02) + 1):
            for y in range(int(min(ay, by) / 0.02), int(max(ay, by) / 0.02) + 1):
                cells[x, y].append(n)

    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    found = set()
    for members in cells.values():
        for i, n in enumerate(members):
            for m in members[i + 1:]:
                (a, b), (c, d) = segments[n], segments[m]
                if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                    found.add((a, b, c, d))
    return found


def build(features, least):
    at = junctions(features)
    origin = [min(p[axis] for f in features for polygon in rings(f["geometry"]) for r in polygon for p in r) for axis in (0, 1)]
    grid = lambda point: tuple(round((point[axis] - origin[axis]) / GRID) for axis in (0, 1))
    lines, arcs, ids, geometries = {}, [], {}, []
    for feature in features:
        polygons = []
        for polygon in rings(feature["geometry"]):
            drawn = []
            for ring in polygon:
                way = []
                for piece in cut(ring, at):
                    key = min(tuple(piece), tuple(reversed(piece)))
                    if key not in ids:
                        ids[key] = len(arcs)
                        line = [grid(point) for point in simplify(list(key), least)]
                        arcs.append([p for i, p in enumerate(line) if i == 0 or p != line[i - 1]])
                    way.append(ids[key] if tuple(piece) == key else ~ids[key])
                # A speck of less than one cell of the grid, such as the Vatican's hole in Rome, is a line or a point by now: nothing to draw.
                if len(set(points(arcs, way))) > 2:
                    drawn.append(way)
            if drawn:
                polygons.append(drawn)
        geometries.append({"type": "MultiPolygon", "id": feature["properties"]["codice_istat"], "arcs": polygons})
    uses = Counter(i if i >= 0 else ~i for g in geometries for polygon in g["arcs"] for way in polygon for i in way)
    assert max(uses.values()) <= 2, "a border of three municipalities"
    return origin, arcs, geometries


def points(arcs, way):
    return [p for i in way for p in (arcs[i] if i >= 0 else arcs[~i][::-1])]


def surface(arcs, geometry):
    total = 0.0
    for polygon in geometry["arcs"]:
        for way in polygon:
            ring = points(arcs, way)
            total += sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:] + ring[:1])) / 2
    return abs(total)


def main():
    features = json.loads(Path(sys.argv[1]).read_text())["features"]
    features.sort(key=lambda f: f["properties"]["codice_istat"])
    origin, arcs, geometries = build(features, LEAST)
    crossed = crossings([[(x * GRID, y * GRID) for x, y in arc] for arc in arcs])
    if crossed:
        sys.exit(f"{len(crossed)} borders cross, such as {next(iter(crossed))}: choose a smaller LEAST")
    gone = [g["id"] for g in geometries if surface(arcs, g) == 0]
    if gone:
        sys.exit(f"nothing is left of {', '.join(gone)}: choose a smaller LEAST")
    deltas = [[arc[0]] + [(b[0] - a[0], b[1] - a[1]) for a, b in zip(arc, arc[1:])] for arc in arcs]
    topology = {
        "type": "Topology",
        "transform": {"scale": [GRID, GRID], "translate": origin},
        "objects": {"comuni": {"type": "GeometryCollection", "geometries": geometries}},
        "arcs": deltas,
    }
    OUT.write_text(json.dumps(topology, separators=(",", ":")) + "\n")
    print(f"{OUT}: {len(geometries)} municipalities, {len(arcs)} arcs, {sum(map(len, arcs))} points, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
