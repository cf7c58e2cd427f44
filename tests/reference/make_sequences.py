#!/usr/bin/env python3
"""Makes tests/fixtures/sequences: 2bit and GenBank files, and what Biopython reads from them.

  venv/bin/pip install biopython==1.88 py2bit==1.0.1
  venv/bin/python make_sequences.py GENOMES ../fixtures/sequences

GENOMES holds the GenBank files of NCBI that the fixtures are taken from (works of the US government, public domain):
two whole ones, and one without its sequence. The 2bit files are written here from a seed, after the description of
the format by UCSC, and read back with Biopython and py2bit, which must agree.
"""
import gzip, hashlib, json, random, re, struct, sys
from pathlib import Path

import py2bit
from Bio import SeqIO

WHOLE = ["yersinia_plasmid_NC_005816.gbk.gz", "phiX174_NC_001422.gbk.gz"]
HEADERS = "human_PTEN_region_GRCh37.gbk.gz"


def runs(text, letters):
    return [match.span() for match in re.finditer(f"[{letters}]+", text)]


def two_bit(records, order="<", version=0):
    """The bytes of a 2bit file; bases other than A, C, G, T and N are none of its business."""
    number = lambda value: struct.pack(order + "I", value)
    offset = lambda value: struct.pack(order + ("Q" if version else "I"), value)
    index_bytes = sum(1 + len(name) + len(offset(0)) for name, _ in records)
    index, body = b"", b""
    for name, bases in records:
        index += bytes([len(name)]) + name.encode() + offset(16 + index_bytes + len(body))
        unknown, masked = runs(bases, "Nn"), runs(bases, "acgtn")
        body += number(len(bases))
        for blocks in (unknown, masked):
            body += number(len(blocks)) + b"".join(number(start) for start, _ in blocks)
            body += b"".join(number(end - start) for start, end in blocks)
        body += number(0)
        codes = ["TCAG".index(base) if base in "TCAG" else 0 for base in bases.upper()]
        codes += [0] * (-len(codes) % 4)
        body += bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in zip(*[iter(codes)] * 4))
    return number(0x1A412743) + number(version) + number(len(records)) + number(0) + index + body


def random_records(seed):
    choose = random.Random(seed)
    records = []
    for number, length in enumerate([1, 2, 3, 4, 5, 63, 1000, 10007]):
        bases = [choose.choice("ACGT") for _ in range(length)]
        for _ in range(length // 40):
            start = choose.randrange(length)
            end = min(length, start + choose.randrange(1, 30))
            if choose.random() < 0.4:
                bases[start:end] = "N" * (end - start)
            else:
                bases[start:end] = [base.lower() for base in bases[start:end]]
        records.append((f"r{number}", "".join(bases)))
    return records


def of_two_bit(path, records):
    # py2bit knows one byte order, and no lower case of unknown bases.
    by_biopython = {record.id: str(record.seq) for record in SeqIO.parse(path, "twobit")}
    assert by_biopython == dict(records), path
    if path.name == "little.2bit":
        handle = py2bit.open(str(path), True)
        for name, bases in records:
            assert handle.sequence(name) == bases.replace("n", "N"), (path, name)
        handle.close()


def of_genbank(handle):
    records = []
    for record in SeqIO.parse(handle, "genbank"):
        has_bases = len(record.seq) > 0 and record.seq.defined
        features = []
        for feature in record.features:
            if feature.location is None:
                # Neither end of a remote part can be placed.
                features.append([feature.type, None, None, None, []])
                continue
            parts = sorted([int(part.start), int(part.end)] for part in feature.location.parts)
            features.append([feature.type, int(feature.location.start), int(feature.location.end), feature.location.strand, parts])
        bases = str(record.seq) if has_bases else ""
        records.append({
            "name": record.id, "description": record.description, "length_bp": len(record.seq),
            "is_circular": record.annotations.get("topology") == "circular",
            "md5": hashlib.md5(bases.upper().encode()).hexdigest(),
            "first": bases[:10].upper(), "last": bases[-10:].upper(), "features": features,
        })
    return records


def main():
    genomes, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name in WHOLE:
        packed = (genomes / name).read_bytes()
        (out / name).write_bytes(packed)
        with gzip.open(genomes / name, "rt") as handle:
            expected[name] = of_genbank(handle)
    text = gzip.open(genomes / HEADERS, "rt").read()
    text = text[: text.index("ORIGIN")] + "ORIGIN\n//\n"
    name = "PTEN_without_sequence.gbk.gz"
    with open(out / name, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(text.encode())
    with gzip.open(out / name, "rt") as handle:
        expected[name] = of_genbank(handle)
    records = random_records(7)
    for name, order, version in [("little.2bit", "<", 0), ("big.2bit", ">", 0), ("wide.2bit", "<", 1)]:
        (out / name).write_bytes(two_bit(records, order, version))
        # Neither program knows version 1.
        if version == 0:
            of_two_bit(out / name, records)
    (out / "2bit.fa").write_text("".join(f">{name}\n{bases}\n" for name, bases in records))
    (out / "genbank.json").write_text(json.dumps(expected, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
