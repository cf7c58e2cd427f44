"""Write small BigWig, BigBed, bedGraph and wig files, and what pyBigWig reads from them.

    python signals.py --out fixtures/signals [--seed 7]

`values.bw` and `features.bb` come from pyBigWig and pybigtools.  The other BigWig files hold the
same values in forms that those do not write: byte order, version and packing vary, zoom levels or the
summary are left out.  `expected.json` holds statistics, values at both ends of each contig, and features.
"""

import argparse
import json
import os
import random
import struct
import zlib

import numpy
import pyBigWig
import pybigtools

CONTIGS = [("chr1", 100_000), ("chr2", 30_000), ("chrM", 900)]
SCORES = 'table t "Transcripts" (string chrom; "Contig" uint chromStart; "Start; 0-based" uint chromEnd; "End" ' \
    'string name; "Name" uint score; "Score" char[1] strand; "Strand" uint thickStart; "" uint thickEnd; "" ' \
    'uint reserved; "Colour" int blockCount; "" int[blockCount] blockSizes; "" int[blockCount] chromStarts; "" ' \
    'string geneName; "Gene" enum(low, high) confidence; "Confidence")'


def number(value):
    return float(numpy.float32(value))


def make_values(rng):
    """Intervals of each contig, sorted: wide and narrow ones, gaps, one value per base, both ends covered."""
    values = {}
    for contig, length in CONTIGS:
        rows, end = [], 0
        while end < length:
            width = min(length - end, rng.choice([1, 1, 1, 5, 20, 200]))
            rows.append((end, end + width, number(rng.uniform(-3, 9))))
            end += width + rng.choice([0, 0, 0, 3, 50])
        if rows[-1][1] < length:
            rows.append((length - 1, length, 2.5))
        values[contig] = rows
    return values


def write_values(path, values):
    bw = pyBigWig.open(path, "w")
    bw.addHeader(CONTIGS, maxZooms=6)
    for contig, _ in CONTIGS:
        starts, ends, numbers = zip(*values[contig])
        bw.addEntries([contig] * len(starts), list(starts), ends=list(ends), values=list(numbers))
    bw.close()


def write_steps(path):
    """The other two layouts of sections."""
    bw = pyBigWig.open(path, "w")
    bw.addHeader(CONTIGS, maxZooms=3)
    bw.addEntries("chr1", 10, values=[1.0, 2.0, 3.0, 4.5], span=5, step=10)
    bw.addEntries("chr1", [100, 200, 250], values=[-1.0, 0.25, 8.0], span=50)
    bw.addEntries("chr2", 0, values=[float(i % 7) for i in range(3000)], span=1, step=1)
    bw.close()


def write_other_forms(path, values, order="<", version=4, packed=True, summary=True):
    """A file without zoom levels: head, contigs, sections of bedGraph, one node of index."""
    contigs = sorted(CONTIGS)
    ids = {contig: index for index, (contig, _) in enumerate(contigs)}
    key = max(len(contig) for contig, _ in contigs)
    tree = struct.pack(order + "IIIIQQ", 0x78CA8C91, len(contigs), key, 8, len(contigs), 0)
    tree += struct.pack(order + "BBH", 1, 0, len(contigs))
    for contig, length in contigs:
        tree += contig.encode().ljust(key, b"\0") + struct.pack(order + "II", ids[contig], length)
    summary_at = 64 if summary else 0
    tree_at = 64 + (40 if summary else 0)
    data_at = tree_at + len(tree)
    blocks, leaves = [], []
    at = data_at + 4
    for contig, _ in contigs:
        for first in range(0, len(values[contig]), 500):
            rows = values[contig][first:first + 500]
            block = struct.pack(order + "IIIIIBBH", ids[contig], rows[0][0], rows[-1][1], 0, 0, 1, 0, len(rows))
            block += b"".join(struct.pack(order + "IIf", *row) for row in rows)
            block = zlib.compress(block) if packed else block
            leaves.append((ids[contig], rows[0][0], ids[contig], rows[-1][1], at, len(block)))
            blocks.append(block)
            at += len(block)
    index = struct.pack(order + "IIQIIIIQII", 0x2468ACE0, 256, len(leaves), *leaves[0][:2], *leaves[-1][2:4], at, 1, 0)
    index += struct.pack(order + "BBH", 1, 0, len(leaves)) + b"".join(struct.pack(order + "IIIIQQ", *leaf) for leaf in leaves)
    head = struct.pack(order + "IHHQQQHHQQIQ", 0x888FFC26, version, 0, tree_at, data_at, at, 0, 0, 0, summary_at,
                       32768 if packed else 0, 0)
    if summary:
        rows = [row for rows in values.values() for row in rows]
        covered = sum(end - start for start, end, _ in rows)
        total = sum((end - start) * value for start, end, value in rows)
        squares = sum((end - start) * value * value for start, end, value in rows)
        extremes = min(row[2] for row in rows), max(row[2] for row in rows)
        head += struct.pack(order + "Qdddd", covered, *extremes, total, squares)
    with open(path, "wb") as file:
        file.write(head + tree + struct.pack(order + "I", len(blocks)) + b"".join(blocks) + index)


def make_features(rng):
    rows = []
    for contig, length in CONTIGS[:2]:
        starts = sorted(rng.randrange(length - 2000) for _ in range(300))
        for number_, start in enumerate(starts):
            sizes = [rng.randrange(20, 100) for _ in range(rng.randrange(1, 5))]
            gaps = [rng.randrange(1, 300) for _ in sizes]
            begins = [sum(sizes[:i]) + sum(gaps[:i]) for i in range(len(sizes))]
            end = start + begins[-1] + sizes[-1]
            thick = (start + 10, end - 5) if number_ % 3 else (start, start)
            rest = [f"T{contig[3:]}.{number_}", str(rng.randrange(1000)), rng.choice("+-."), *map(str, thick),
                    rng.choice(["0", "255,128,0"]), str(len(sizes)), "".join(f"{size}," for size in sizes),
                    "".join(f"{begin}," for begin in begins), f"GENE{number_ // 3}", rng.choice(["low", "high"])]
            rows.append((contig, start, end, "\t".join(rest)))
        # An insertion lies between two bases.
        rows.append((contig, length - 1, length - 1, "\t".join(["insertion", "0", ".", "0", "0", "0", "1", "0,", "0,", "", "low"])))
    return rows


def finite(values):
    return [None if value is None or numpy.isnan(value) else number(value) for value in values]


def expected_values(path):
    bw = pyBigWig.open(path)
    out = {"header": bw.header(), "contigs": bw.chroms(), "regions": []}
    for contig, length in bw.chroms().items():
        for start, end, bins in [(0, length, 1), (0, length, 10), (0, length, 97), (5, min(length, 5000), 40), (17, 300, 283)]:
            stats = {kind: finite(bw.stats(contig, start, end, type=kind, nBins=bins, exact=True)) for kind in ("min", "mean", "max")}
            share = bw.stats(contig, start, end, type="coverage", nBins=bins, exact=True)
            region = {"contig": contig, "start": start, "end": end, "bins": bins, **stats, "coverage": [value or 0 for value in share]}
            out["regions"].append(region)
        out.setdefault("ends", {})[contig] = {
            "first": finite(bw.values(contig, 0, 20)), "last": finite(bw.values(contig, length - 20, length))}
    return out


def expected_features(path):
    bb = pyBigWig.open(path)
    regions = [("chr1", 0, 100_000), ("chr1", 20_000, 21_000), ("chr2", 29_998, 30_000), ("chr2", 0, 1)]
    return [{"contig": contig, "start": start, "end": end, "features": bb.entries(contig, start, end) or []}
            for contig, start, end in regions]


def write_text(path, lines):
    with open(path, "w") as file:
        file.writelines(line + "\n" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    os.makedirs(arguments.out, exist_ok=True)
    at = lambda name: os.path.join(arguments.out, name)
    values = make_values(rng)
    write_values(at("values.bw"), values)
    write_steps(at("steps.bw"))
    write_other_forms(at("big_endian.bw"), values, order=">")
    write_other_forms(at("unpacked.bw"), values, version=1, packed=False, summary=False)
    write_other_forms(at("version3.bw"), values, version=3)
    rows = [f"{contig}\t{start}\t{end}\t{value!r}" for contig, _ in CONTIGS for start, end, value in values[contig]]
    write_text(at("values.bedgraph"), ["browser position chr1:1-100", 'track type=bedGraph name="made up" color=10,20,30', "# values", *rows])
    steps = ["track type=wiggle_0", "fixedStep chrom=chr1 start=11 step=10 span=5", "1", "2", "3", "4.5",
             "variableStep chrom=chr1 span=50", "101 -1", "201\t0.25", "251 8", "fixedStep chrom=chr2 start=1 step=1"]
    write_text(at("steps.wig"), steps + [str(i % 7) for i in range(3000)])
    features = make_features(rng)
    writer = pybigtools.open(at("features.bb"), "w")
    writer.write(dict(CONTIGS), features, autosql=SCORES)
    expected = {"values": expected_values(at("values.bw")), "steps": expected_values(at("steps.bw")),
                "features": expected_features(at("features.bb"))}
    with open(at("expected.json"), "w") as file:
        json.dump(expected, file, indent=None, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
