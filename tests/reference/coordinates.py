"""Ask Strandscope and other programs where things lie, at both ends of contigs, and compare row by row.

    python coordinates.py PATH_TO_STRANDSCOPE [--data ../shared/data]

Small files are written to a temporary folder, in each format that Strandscope reads: features on the first base, the
last base and the whole of contigs of 1, 60, 61 and 10,000 bases. samtools, bedtools, bcftools, pyBigWig, py2bit and
Biopython read the same files. --data adds genomes and variants that were not made here.

`inspect` prints numbers as the file has them, so two other answers show where Strandscope puts a thing:

- Bases: REF of a VCF row is held against the reference, so a row for each letter at each place reads the place.
- Ends: a reference whose contigs are cut after base 1, 2, 3 … lets a feature in as soon as it holds its last base.
  What is new with each cut is a feature, or a value, that ends there.

Prints for each format how much was compared and how much differs. Exits with 1 if anything differs, with 2 if a
program or package is missing.
"""

import argparse
import collections
import csv
import gzip
import hashlib
import importlib
import itertools
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

PROGRAMS = {"bedtools": "bedtools", "bcftools": "bcftools", "samtools": "samtools", "bgzip": "tabix", "tabix": "tabix"}
PACKAGES = {"Bio": "biopython", "numpy": "numpy", "py2bit": "py2bit", "pyBigWig": "pyBigWig", "pybigtools": "pybigtools",
            "safetensors": "safetensors"}
EXAMPLES = pathlib.Path(__file__).parents[2] / "assets" / "examples"
FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
# BigWig fixtures with the same values.
FORMS = ["values", "big_endian", "unpacked", "version3"]
LENGTHS = {"c1": 1, "c60": 60, "c61": 61, "c10000": 10_000}
# Bases at each end that are looked at one by one: past the first line break of a FASTA file.
REACH = 64
# What wrong rows are tried with.
WRONG = str.maketrans("ACGTN", "CGTAA")


def require_others():
    """Ends the program with what must be installed, if anything."""
    missing = [f"{name} (Debian's package {package})" for name, package in PROGRAMS.items() if not shutil.which(name)]
    for name, package in PACKAGES.items():
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(f"the Python package {package}")
    if missing:
        print(f"error: nothing can be compared; install {', '.join(missing)}", file=sys.stderr)
        sys.exit(2)


def output_of(*command, check=True):
    """Standard output of a command, and its standard error."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if check and done.returncode != 0:
        raise SystemExit(f"error: {' '.join(words)} failed:\n{done.stderr}")
    return done.stdout, done.stderr


class Tally:
    """Counts what is compared, by format."""

    def __init__(self):
        self.compared = collections.Counter()
        self.differ = collections.defaultdict(list)
        self.others = collections.defaultdict(list)

    def same(self, what, other, place, got, want):
        """Notes what Strandscope says of `place`, and what `other` says of it."""
        self.compared[what] += 1
        if other not in self.others[what]:
            self.others[what].append(other)
        if got != want:
            self.differ[what].append(f"{place}: Strandscope {got}, {other} {want}")

    def same_lists(self, what, other, place, got, want):
        for number, (ours, theirs) in enumerate(itertools.zip_longest(got, want), 1):
            self.same(what, other, f"{place}, number {number}", ours, theirs)

    def print(self):
        """A line for each format, and the first differences below it."""
        for what, count in self.compared.items():
            others = ", ".join(self.others[what])
            print(f"{what}: {count:,} compared with {others}; {len(self.differ[what]):,} differ")
            for line in self.differ[what][:5]:
                print(f"    {line[:500]}")
        total = sum(map(len, self.differ.values()))
        print(f"all: {sum(self.compared.values()):,} compared; {total:,} differ")
        return total


class Strandscope:
    """The program under test."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")

    def inspect(self, path, reference=None):
        """What `inspect` says of a file; rows that cannot be used are told, and are no failure."""
        against = ["--reference", reference] if reference else []
        return json.loads(output_of(self.path, "inspect", path, "--json", "--keep-going", "--quiet", *against)[0])

    def read_as_reference(self, reference, rows):
        """For each contig, 1-based position and REF: whether the reference has REF there."""
        path = self.folder / "asked.vcf"
        write_vcf(path, {}, [(contig, position, bases, bases + "A") for contig, position, bases in rows])
        answers = self.inspect(path, reference)["rows"]
        assert len(answers) == len(rows), "a row went missing"
        return [answer["status"] == "ok" for answer in answers]

    def embed(self, path, region=None):
        """Last states of each token, and the bases that each covers."""
        import safetensors.numpy

        out = self.folder / "embedded.safetensors"
        where = ["--region", region] if region else []
        output_of(self.path, "embed", path, *where, "--pool", "none", "--device", "cpu", "-q", "--force", "-o", out)
        tensors = safetensors.numpy.load_file(out)
        find = lambda word: next(tensor for name, tensor in tensors.items() if name.startswith(word))
        return find("embeddings"), find("spans")


# Files.


def make_contigs(seed):
    """Bases of the contigs; lower case and N are at ends as well."""
    choose = random.Random(seed)
    contigs = {name: "".join(choose.choices("ACGT", k=length)) for name, length in LENGTHS.items()}
    contigs["c60"] = contigs["c60"][:-1] + "N"
    contigs["c61"] = contigs["c61"][:2].lower() + contigs["c61"][2:]
    contigs["c10000"] = contigs["c10000"][:-1] + contigs["c10000"][-1].lower()
    return contigs


def write_lines(path, lines):
    path.write_text("".join(line + "\n" for line in lines))
    return path


def write_fasta(path, contigs, width=60):
    lines = []
    for name, bases in contigs.items():
        lines += [f">{name}", *(bases[at:at + width] for at in range(0, len(bases), width))]
    return write_lines(path, lines)


def pack_blocks(path, packed):
    """Packs with bgzip."""
    with open(packed, "wb") as out:
        subprocess.run(["bgzip", "-c", str(path)], stdout=out, check=True)
    return packed


def write_vcf(path, lengths, rows):
    head = ["##fileformat=VCFv4.3"]
    head += [f"##contig=<ID={name},length={length}>" for name, length in lengths.items()]
    head.append("\t".join("#CHROM POS ID REF ALT QUAL FILTER INFO".split()))
    return write_lines(path, head + [f"{contig}\t{at}\t.\t{ref}\t{alt}\t.\t.\t." for contig, at, ref, alt in rows])


def write_genbank(path, contigs):
    from Bio import SeqIO
    from Bio.Seq import Seq
    from Bio.SeqRecord import SeqRecord

    record = lambda name, bases: SeqRecord(Seq(bases), id=name, name=name, annotations={"molecule_type": "DNA"})
    SeqIO.write([record(*contig) for contig in contigs.items()], path, "genbank")
    return path


def unpacked(path):
    """The bytes of a file, unpacked where it is packed."""
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def copied_plain(path, folder):
    """An unpacked copy: other programs write their indexes beside it."""
    copy = folder / path.name.removesuffix(".gz")
    copy.write_bytes(unpacked(path))
    return copy


# How other programs read bases: a list of places becomes a list of bases.


def by_samtools(path, places):
    regions = write_lines(path.parent / "places.txt", [f"{contig}:{start + 1}-{end}" for contig, start, end in places])
    text = output_of("samtools", "faidx", "-r", regions, path)[0]
    return ["".join(record.splitlines()[1:]).upper() for record in text.split(">")[1:]]


def by_py2bit(path, places):
    import py2bit

    with py2bit.open(str(path)) as file:
        return [file.sequence(contig, start, end).upper() for contig, start, end in places]


def by_biopython(path, places):
    records = {record.id: str(record.seq).upper() for record in biopython_records(path)}
    return [records[contig][start:end] for contig, start, end in places]


def biopython_records(path):
    """All records of a FASTA, 2bit or GenBank file."""
    from Bio import SeqIO

    if path.suffix == ".2bit":
        return list(SeqIO.parse(path, "twobit"))
    form = "fasta" if ".fa" in path.suffixes else "genbank"
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt") as handle:
        return [record for record in SeqIO.parse(handle, form) if len(record.seq)]


# Sequences.


def end_places(lengths):
    """Single bases at both ends, and wider places that touch an end, a line break, or both ends."""
    places = []
    for contig, length in lengths.items():
        singles = sorted({*range(min(REACH, length)), *range(max(0, length - REACH), length)})
        places += [(contig, at, at + 1) for at in singles]
        wide = [(0, 2), (0, REACH), (58, 62), (59, 60), (60, 61), (length - 2, length), (length - REACH, length)]
        wide += [(0, length)] if length <= 10_000 else []
        places += [(contig, start, end) for start, end in wide if 0 <= start < end <= length]
    return places


def compare_bases(strandscope, tally, what, path, other, read):
    """Bases at both ends as Strandscope and another program read them, with each letter, and none past the ends."""
    lengths = {record["name"]: record["length_bp"] for record in strandscope.inspect(path)["records"]}
    places = end_places(lengths)
    asked, wanted = [], []
    for (contig, start, end), bases in zip(places, read(path, places), strict=True):
        wrong = [bases[0].translate(WRONG) + bases[1:], bases[:-1] + bases[-1].translate(WRONG)]
        tries = "ACGT" if end - start == 1 else [bases, *wrong]
        asked += [(contig, start + 1, attempt) for attempt in tries]
        wanted += [attempt == bases for attempt in tries]
    for contig, length in lengths.items():
        outside = [(contig, at, letter) for at in (0, length + 1) for letter in "ACGT"]
        asked += outside
        wanted += [False] * len(outside)
    answers = strandscope.read_as_reference(path, asked)
    for (contig, position, bases), got, want in zip(asked, answers, wanted, strict=True):
        tally.same(what, other, f"{path.name}, {bases[:9]} at {contig}:{position}", got, want)


def compare_records(strandscope, tally, what, path):
    """Names, lengths and checksums of whole records."""
    records = [(record["name"], record["length_bp"], record["md5"]) for record in strandscope.inspect(path)["records"]]
    md5 = lambda record: hashlib.md5(str(record.seq).upper().encode()).hexdigest()
    wanted = [(record.id, len(record.seq), md5(record)) for record in biopython_records(path)]
    tally.same_lists(what, "Biopython", path.name, records, wanted)


def compare_regions(strandscope, tally, reference):
    """A region is read as the bases that samtools gives for it, and its spans are those of the contig."""
    import numpy

    places = [place for place in end_places(LENGTHS) if place[2] - place[1] not in (1, 10_000)]
    places += [(contig, at, at + 1) for contig, length in LENGTHS.items() for at in {0, length - 1}]
    for (contig, start, end), bases in zip(places, by_samtools(reference, places), strict=True):
        region = f"{contig}:{start + 1}-{end}"
        states, spans = strandscope.embed(reference, region)
        alone, spans_alone = strandscope.embed(write_fasta(strandscope.folder / "alone.fa", {"alone": bases}))
        is_same = states.shape == alone.shape and numpy.allclose(states, alone, atol=1e-6)
        tally.same("Regions", "samtools", f"states of {region}", is_same, True)
        moved = (spans_alone.astype(int) + start).tolist()
        tally.same("Regions", "samtools", f"spans of {region}", spans.astype(int).tolist(), moved)


def compare_sequences(strandscope, tally, contigs, folder):
    from make_sequences import two_bit

    plain = write_fasta(folder / "plain.fa", contigs)
    squeezed = folder / "squeezed.fa.gz"
    squeezed.write_bytes(gzip.compress(plain.read_bytes()))
    blocks = pack_blocks(plain, folder / "blocks.fa.gz")
    output_of("samtools", "faidx", blocks)
    packed = folder / "packed.2bit"
    packed.write_bytes(two_bit(list(contigs.items())))
    genbank = write_genbank(folder / "records.gbk", contigs)
    for what, path, other, read in [
        ("FASTA", plain, "samtools", by_samtools), ("FASTA, gzip", squeezed, "Biopython", by_biopython),
        ("FASTA, BGZF", blocks, "samtools", by_samtools), ("2bit", packed, "py2bit", by_py2bit),
        ("GenBank", genbank, "Biopython", by_biopython),
    ]:
        compare_records(strandscope, tally, what, path)
        compare_bases(strandscope, tally, what, path, other, read)
    compare_regions(strandscope, tally, plain)


# The ladder: references whose contigs are cut.


def cuts_of(length):
    """After which bases a contig is cut: each base within reach of an end."""
    return sorted({*range(1, min(REACH, length) + 1), *range(max(1, length - REACH), length + 1)})


class Ladder:
    """The contigs cut after one base after the other, all of them at a time."""

    def __init__(self, contigs, folder):
        folder.mkdir()
        self.cuts = {contig: cuts_of(len(bases)) for contig, bases in contigs.items()}
        self.steps = []
        for step in range(max(map(len, self.cuts.values()))):
            lengths = {contig: cuts[min(step, len(cuts) - 1)] for contig, cuts in self.cuts.items()}
            cut = {contig: bases[:lengths[contig]] for contig, bases in contigs.items()}
            self.steps.append((write_fasta(folder / f"{step}.fa", cut), lengths))


# Features: BED, GFF3, GTF.


def feature_places():
    """Places at both ends, wide and narrow, and some that reach past the end."""
    for contig, length in LENGTHS.items():
        wanted = [(0, 1), (0, 2), (0, 10), (1, 2), (59, 60), (58, 62), (60, 61), (0, length), (length - 10, length),
                  (length - 2, length), (length - 2, length - 1), (length - 1, length), (length - 1, length + 1),
                  (length, length + 1)]
        yield from ((contig, start, end) for start, end in sorted({place for place in wanted if 0 <= place[0]}))


def feature_line(form, number, contig, start, end):
    name, strand, width = f"f{number}", "+-"[number % 2], end - start
    if form == "BED3":
        return f"{contig}\t{start}\t{end}"
    if form == "BED6":
        return f"{contig}\t{start}\t{end}\t{name}\t{number}\t{strand}"
    if form == "BED12":
        sizes, starts = ("1,1,", f"0,{width - 1},") if width > 2 else (f"{width},", "0,")
        count = sizes.count(",")
        return f"{contig}\t{start}\t{end}\t{name}\t{number}\t{strand}\t{start}\t{end}\t0,0,0\t{count}\t{sizes}\t{starts}"
    of_gtf = ("exon", f'gene_id "{name}"; transcript_id "{name}";')
    kind, attributes = ("region", f"ID={name}") if form == "GFF3" else of_gtf
    return f"{contig}\tmade\t{kind}\t{start + 1}\t{end}\t.\t{strand}\t.\t{attributes}"


def places_by_strandscope(report):
    """Rows that can be used, 0-based and half-open."""
    first = 0 if report["kind"] == "bed" else 1
    return [(row["chrom"], row["start"] - first, row["end"]) for row in report["rows"] if row["status"] == "ok"]


def places_by_bedtools(path, reference):
    """Rows that lie on the reference and their bases; bedtools leaves out what reaches past an end."""
    text = output_of("bedtools", "getfasta", "-fi", reference, "-bed", path, "-tab")[0]
    rows = [line.split("\t") for line in text.splitlines()]
    split = [(re.fullmatch(r"(.+):(\d+)-(\d+)", where).groups(), bases.upper()) for where, bases in rows]
    return [((contig, int(start), int(end)), bases) for (contig, start, end), bases in split]


def compare_rows(strandscope, tally, what, path, reference):
    """Which rows can be used, where they lie, and the bases at both ends of each."""
    report = strandscope.inspect(path, reference)
    wanted = places_by_bedtools(path, reference)
    got = places_by_strandscope(report)
    tally.same_lists(what, "bedtools", f"rows of {path.name}", got, [place for place, _ in wanted])
    asked = []
    for (contig, start, end), bases in wanted:
        asked += [(contig, start + 1, bases[:REACH]), (contig, max(start, end - REACH) + 1, bases[-REACH:])]
    for row, got in zip(asked, strandscope.read_as_reference(reference, asked), strict=True):
        tally.same(what, "bedtools", f"bases of {path.name} at {row[0]}:{row[1]}", got, True)


def compare_ends(strandscope, tally, what, path, ladder):
    """Which rows each cut reference lets in."""
    for reference, lengths in ladder.steps:
        got = places_by_strandscope(strandscope.inspect(path, reference))
        wanted = [place for place, _ in places_by_bedtools(path, reference)]
        tally.same(what, "bedtools", f"rows of {path.name} on contigs of {lengths}", got, wanted)


def compare_before_first(strandscope, tally, what, path, reference):
    """A row that begins before the first base is refused by both; bedtools then ends."""
    got = not places_by_strandscope(strandscope.inspect(path, reference))
    rows, complaint = output_of("bedtools", "getfasta", "-fi", reference, "-bed", path, check=False)
    tally.same(what, "bedtools", f"refusal of {path.name}", got, bool(complaint) and not rows)


def compare_scored(strandscope, tally, path, reference):
    """`score --bed` gives each base of each row, which shows where rows begin as well."""
    command = [strandscope.path, "score", reference, "--head", "splice", "--bed", path, "--device", "cpu", "--quiet"]
    lines = [line for line in output_of(*command)[0].splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t"))
    one_label = [row for row in rows if row["label"] == rows[0]["label"]]
    # A run of bases without value is one row, and is written when it is known to end.
    got = sorted((row["contig"], at) for row in one_label for at in range(int(row["start"]) - 1, int(row["end"])))
    windows = (line.split("\t") for line in output_of("bedtools", "makewindows", "-b", path, "-w", 1)[0].splitlines())
    wanted = sorted((contig, int(start)) for contig, start, _ in windows)
    tally.same_lists("BED, score --bed", "bedtools", "scored bases", got, wanted)


def compare_features(strandscope, tally, reference, ladder, folder):
    suffixes = {"BED3": "3.bed", "BED6": "6.bed", "BED12": "12.bed", "GFF3": ".gff3", "GTF": ".gtf"}
    for form, suffix in suffixes.items():
        lines = [feature_line(form, number, *place) for number, place in enumerate(feature_places())]
        path = write_lines(folder / f"features{suffix}", lines)
        compare_rows(strandscope, tally, form, path, reference)
        compare_ends(strandscope, tally, form, path, ladder)
        before = write_lines(folder / f"before{suffix}", [feature_line(form, 0, "c60", -1, 1)])
        compare_before_first(strandscope, tally, form, before, reference)
    on_contigs = [place for place in feature_places() if place[2] <= LENGTHS[place[0]] and place[2] - place[1] < 100]
    path = write_lines(folder / "scored.bed", [feature_line("BED3", 0, *place) for place in on_contigs])
    compare_scored(strandscope, tally, path, reference)


# Variants.


def variant_rows(contigs):
    """Alleles at both ends of each contig: ones that fit, ones that do not, and ones that reach past the end."""
    rows = []
    for contig, text in contigs.items():
        bases, last = text.upper(), len(text)
        for position in sorted({1, 2, last - 1, last} & set(range(1, last + 1))):
            at, wrong = bases[position - 1], bases[position - 1].translate(WRONG)
            rows += [(contig, position, at, f"{wrong},{at}GG"), (contig, position, wrong, at + "G")]
        rows += [(contig, 1, bases[:2], "G"), (contig, last - 1, bases[-2:], bases[-2])] if last > 1 else []
        rows += [(contig, last, bases[-1] + "A", "G"), (contig, 1, bases + "A", "G")]
        wrong = bases[:-1] + bases[-1].translate(WRONG)
        rows += [(contig, 1, bases, "GA"), (contig, 1, wrong, "GA")] if last < 100 else []
    order = list(contigs)
    return sorted((row for row in rows if row[2] != row[3]), key=lambda row: (order.index(row[0]), row[1]))


def alleles_by_bcftools(path):
    """Contig, position, REF, ALT and the last base of REF, once for each allele."""
    lines = output_of("bcftools", "query", "-f", "%CHROM\\t%POS\\t%REF\\t%ALT\\t%END\\n", path)[0].splitlines()
    for contig, position, ref, alts, end in (line.split("\t") for line in lines):
        yield from ((contig, int(position), ref, alt, int(end)) for alt in alts.split(","))


def refused_by_bcftools(path, reference):
    """Contig, position and REF of the rows whose REF is not on the reference."""
    complaints = output_of("bcftools", "norm", "-c", "w", "-f", reference, "-o", os.devnull, path)[1].splitlines()
    words = [line.split("\t") for line in complaints if line.startswith("REF_MISMATCH")]
    return {(contig, int(position), ref) for _, contig, position, ref, _ in words}


def judged_alleles(strandscope, path, reference):
    """For each allele of a file: what it is, and whether Strandscope and bcftools can use it."""
    rows = strandscope.inspect(path, reference)["rows"]
    refused = refused_by_bcftools(path, reference)
    for row, allele in itertools.zip_longest(rows, alleles_by_bcftools(path)):
        ours = (row["chrom"], row["pos"], row["ref"], row["alt"]) if row else None
        yield ours, allele, bool(row) and row["status"] == "ok", bool(allele) and allele[:3] not in refused


def compare_alleles(strandscope, tally, what, path, reference):
    for ours, allele, is_ours, is_theirs in judged_alleles(strandscope, path, reference):
        tally.same(what, "bcftools", f"alleles of {path.name}", ours, allele and allele[:4])
        tally.same(what, "bcftools", f"REF of {path.name} at {allele}", is_ours, is_theirs)


def compare_last_bases(strandscope, tally, what, path, ladder):
    """Which alleles reach past the end of a cut reference; bcftools says where REF ends."""
    alleles = list(alleles_by_bcftools(path))
    for reference, lengths in ladder.steps:
        rows = strandscope.inspect(path, reference)["rows"]
        got = [row["status"] == "beyond_end" for row in rows]
        wanted = [end > lengths[contig] for contig, _, _, _, end in alleles]
        tally.same(what, "bcftools", f"alleles of {path.name} past the end of {lengths}", got, wanted)


def compare_indexed(strandscope, tally, what, path):
    """Rows at both ends of contigs are those that bcftools finds through the index."""
    rows = [(row["chrom"], row["pos"], row["ref"], row["alt"]) for row in strandscope.inspect(path)["rows"]]
    for contig, length in LENGTHS.items():
        for at in {1, length}:
            got = sorted({row[:3] for row in rows if row[0] == contig and row[1] <= at < row[1] + len(row[2])})
            text = output_of("bcftools", "view", "-H", "-r", f"{contig}:{at}-{at}", path)[0]
            found = (line.split("\t") for line in text.splitlines())
            wanted = sorted({(columns[0], int(columns[1]), columns[3]) for columns in found})
            tally.same(what, "bcftools", f"rows of {path.name} at {contig}:{at}", got, wanted)


def compare_variants(strandscope, tally, contigs, reference, ladder, folder):
    plain = write_vcf(folder / "variants.vcf", LENGTHS, variant_rows(contigs))
    packed = pack_blocks(plain, folder / "variants.vcf.gz")
    output_of("tabix", "-p", "vcf", packed)
    for what, path in [("VCF", plain), ("VCF, BGZF with .tbi", packed)]:
        compare_alleles(strandscope, tally, what, path, reference)
        compare_last_bases(strandscope, tally, what, path, ladder)
    compare_indexed(strandscope, tally, "VCF, BGZF with .tbi", packed)


# Values and features in BigWig, BigBed, bedGraph and wig.


def intervals_of(contig):
    """Intervals with values that grow along the contig; both ends have one of one base."""
    length = LENGTHS[contig]
    wanted = [(0, 1), (1, 3), (5, 25), (25, 26), (40, 50), (length - 3, length - 1), (length - 1, length)]
    fitting = sorted({place for place in wanted if 0 <= place[0] and place[1] <= length})
    return [(start, end, number + 0.25) for number, (start, end) in enumerate(fitting)]


def write_bedgraph(path):
    rows = [(contig, *interval) for contig in LENGTHS for interval in intervals_of(contig)]
    return write_lines(path, ["\t".join(map(str, row)) for row in rows])


def write_fixed_steps(path):
    """Sections of one base a row, and of one row for all bases, in turn."""
    lines = []
    for contig in LENGTHS:
        for start, end, value in intervals_of(contig):
            width = end - start
            span, count = (1, width) if width != 20 else (width, 1)
            lines += [f"fixedStep chrom={contig} start={start + 1} step={span} span={span}", *[str(value)] * count]
    return write_lines(path, lines)


def write_variable_steps(path):
    lines = []
    for contig in LENGTHS:
        for start, end, value in intervals_of(contig):
            lines += [f"variableStep chrom={contig} span={end - start}", f"{start + 1} {value}"]
    return write_lines(path, lines)


def write_bigwig(path):
    import pyBigWig

    file = pyBigWig.open(str(path), "w")
    file.addHeader(list(LENGTHS.items()))
    for contig in LENGTHS:
        starts, ends, values = zip(*intervals_of(contig))
        file.addEntries([contig] * len(starts), list(starts), ends=list(ends), values=list(values))
    file.close()
    return path


def values_on_ladder(strandscope, path, ladder):
    """Value of each base within reach of an end: what each further base of the reference adds."""
    values, before = collections.defaultdict(dict), {}
    for reference, lengths in ladder.steps:
        for contig in strandscope.inspect(path, reference)["contigs"]:
            name, covered = contig["name"], contig["covered_bp"]
            cut = lengths[name]
            known, last = before.get(name, (0, 0)) if cut > 1 else (0, 0)
            # A row of text is let in when its last base is.
            new = range(cut - (covered - known), cut) if cut == last + 1 else ()
            values[name].update(dict.fromkeys(new, contig["max"]))
            before[name] = covered, cut
    return values


def compare_values(strandscope, tally, what, path, ladder, bigwig):
    """Values of single bases at both ends, and the sums of each contig."""
    import pyBigWig

    values = values_on_ladder(strandscope, path, ladder)
    report = strandscope.inspect(path)
    with pyBigWig.open(str(bigwig)) as file:
        for contig, length in LENGTHS.items():
            wanted = [None if value != value else value for value in file.values(contig, 0, length)]
            # Where the ladder leaps, the first base that it tells is the second behind the leap.
            for at in (cut - 1 for cut in ladder.cuts[contig] if cut == 1 or cut - 1 in ladder.cuts[contig]):
                where = f"{path.name}, base {at + 1} of {contig}"
                tally.same(what, "pyBigWig", where, values[contig].get(at), wanted[at])
        compare_sums(tally, what, path, report, file)


def compare_sums(tally, what, path, report, file):
    """Length, covered bases, extremes and mean of each contig, and of the file."""
    import numpy

    for contig in report["contigs"]:
        name, length = contig["name"], contig["length_bp"]
        size = file.chroms(name)
        tally.same(what, "pyBigWig", f"{path.name}, length of {name}", length, size)
        values = numpy.array(file.values(name, 0, size), dtype=numpy.float64)
        values = values[~numpy.isnan(values)]
        near = lambda number: None if number is None or numpy.isnan(number) else float(f"{number:.5g}")
        got = [contig["covered_bp"], near(contig["min"]), near(contig["max"]), near(contig["mean"])]
        sums = [near(values.min()), near(values.max()), near(values.mean())] if len(values) else [None] * 3
        tally.same(what, "pyBigWig", f"{path.name}, sums of {name}", got, [len(values), *sums])


def write_bigbed(path):
    import pybigtools

    rows = [(contig, start, end, f"f{start}") for contig in LENGTHS for start, end, _ in intervals_of(contig)]
    pybigtools.open(str(path), "w").write(LENGTHS, rows)
    return path


def compare_bigbed(strandscope, tally, path, ladder):
    """How many features begin on each cut reference, and the bases of those that end there."""
    import pyBigWig

    with pyBigWig.open(str(path)) as file:
        entries = {contig: [entry[:2] for entry in file.entries(contig, 0, length)] for contig, length in LENGTHS.items()}
        for reference, lengths in ladder.steps:
            report = strandscope.inspect(path, reference)
            begun = {contig: [place for place in places if place[0] < lengths[contig]]
                     for contig, places in entries.items()}
            number = sum(map(len, begun.values()))
            tally.same("BigBed", "pyBigWig", f"features on {lengths}", report["n_features"], number)
            for contig in report["contigs"]:
                places, cut = begun[contig["name"]], contig["length_bp"]
                if all(end <= cut for _, end in places):
                    covered = sum(end - start for start, end in places)
                    where = f"covered bases of {contig['name']} to {cut}"
                    tally.same("BigBed", "pyBigWig", where, contig["covered_bp"], covered)


def compare_signal_fixtures(strandscope, tally):
    """The files that the tests in Rust read base by base: sums, and number and extent of features."""
    import pyBigWig

    signals = FIXTURES / "signals"
    # The other forms hold the same values; pyBigWig does not read all of them.
    for name, same in [("steps.bw", "steps.bw"), *((f"{form}.bw", "values.bw") for form in FORMS)]:
        with pyBigWig.open(str(signals / same)) as file:
            compare_sums(tally, "BigWig", signals / name, strandscope.inspect(signals / name), file)
    with pyBigWig.open(str(signals / "features.bb")) as file:
        report = strandscope.inspect(signals / "features.bb")
        for contig in report["contigs"]:
            size = file.chroms(contig["name"])
            covered = {at for start, end, _ in file.entries(contig["name"], 0, size) for at in range(start, end)}
            got = contig["length_bp"], contig["covered_bp"]
            tally.same("BigBed", "pyBigWig", f"features.bb, {contig['name']}", got, (size, len(covered)))
        number = sum(len(file.entries(contig, 0, size)) for contig, size in file.chroms().items())
        tally.same("BigBed", "pyBigWig", "features.bb, features", report["n_features"], number)


def compare_signals(strandscope, tally, ladder, folder):
    bigwig = write_bigwig(folder / "values.bw")
    for what, path in [
        ("bedGraph", write_bedgraph(folder / "values.bedgraph")),
        ("wig, fixedStep", write_fixed_steps(folder / "fixed.wig")),
        ("wig, variableStep", write_variable_steps(folder / "variable.wig")), ("BigWig", bigwig),
    ]:
        compare_values(strandscope, tally, what, path, ladder, bigwig)
    compare_bigbed(strandscope, tally, write_bigbed(folder / "features.bb"), ladder)
    compare_signal_fixtures(strandscope, tally)


# Genomes and variants that were not made here.


def compare_genbank_fixtures(tally):
    """Features are not printed by `inspect`: the tests in Rust compare them with this file, which must be Biopython's."""
    from make_sequences import of_genbank

    expected = json.loads((FIXTURES / "sequences" / "genbank.json").read_text())
    for name, records in expected.items():
        with gzip.open(FIXTURES / "sequences" / name, "rt") as handle:
            for ours, theirs in zip(records, json.loads(json.dumps(of_genbank(handle))), strict=True):
                features = ours["features"], theirs["features"]
                tally.same_lists("GenBank, features in genbank.json", "Biopython", name, *features)


def compare_genomes(strandscope, tally, folder, kept):
    """Each sequence file of a folder."""
    for path in sorted([*folder.glob("*.fa.gz"), *folder.glob("*.gbk.gz")]):
        what = "FASTA, real" if ".fa" in path.suffixes else "GenBank, real"
        compare_records(strandscope, tally, what, path)
        other, read = ("samtools", by_samtools) if ".fa" in path.suffixes else ("Biopython", by_biopython)
        copy = copied_plain(path, kept) if other == "samtools" else path
        compare_bases(strandscope, tally, what, path, other, lambda _, places: read(copy, places))


def read_alleles(path):
    """Contig, position, REF, ALT and INFO of each row."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    return [(row[0], int(row[1]), row[3], row[4], row[7]) for row in rows]


def anchored_alleles(folder):
    """Alleles of the MPRA elements, moved from the chromosome to the record of their element."""
    starts = dict(re.findall(r"^>(\S+) \S+?:(\d+)-", (folder / "elements.fa").read_text(), re.MULTILINE))
    for _, position, ref, alt, info in read_alleles(folder / "variants.vcf"):
        element = re.search(r"ELEMENT=([^;]+)", info)[1]
        yield element, position - int(starts[element]) + 1, ref, alt


def forms_of(alleles, lengths):
    """The alleles as they are, and forms that are wrong in most places: off by one, or with REF and ALT swapped."""
    yield "as written", alleles
    yield "REF and ALT swapped", [(contig, at, alt, ref) for contig, at, ref, alt in alleles]
    for side, step in [("left", -1), ("right", 1)]:
        moved = [(contig, at + step, ref, alt) for contig, at, ref, alt in alleles]
        # bcftools says nothing of a place past the end.
        yield f"one base to the {side}", [row for row in moved if 1 <= row[1] <= lengths[row[0]] + 1 - len(row[2])]


def compare_real_alleles(strandscope, tally, name, alleles, reference):
    """Counts what both use, what both refuse, and what they differ on."""
    lengths = {record["name"]: record["length_bp"] for record in strandscope.inspect(reference)["records"]}
    order = list(lengths)
    for form, rows in forms_of(list(alleles), lengths):
        rows = sorted(rows, key=lambda row: (order.index(row[0]), row[1]))
        path = write_vcf(strandscope.folder / "real.vcf", lengths, rows)
        counts = collections.Counter()
        for ours, allele, is_ours, is_theirs in judged_alleles(strandscope, path, reference):
            tally.same("VCF, real", "bcftools", f"{name} {form}: alleles", ours, allele and allele[:4])
            tally.same("VCF, real", "bcftools", f"{name} {form}: REF at {allele}", is_ours, is_theirs)
            counts["both use" if is_ours and is_theirs else "differ" if is_ours or is_theirs else "both refuse"] += 1
        print(f"{name}, {form}: {len(rows):,} alleles; both use {counts['both use']:,}, both refuse "
              f"{counts['both refuse']:,}, they differ on {counts['differ']:,}")


def compare_data(strandscope, tally, data, kept):
    genomes, brca1, mpra = data / "genomes", data / "variants_brca1_sge", data / "variants_mpra_satmut"
    compare_genomes(strandscope, tally, genomes, kept)
    for rows, genome in [("human_PTEN_region_GRCh37.splice_sites.bed", "human_PTEN_region_GRCh37.fa.gz"),
                         ("yeast_chrI_chrII.gff3.gz", "yeast_chrI_chrII.fa.gz")]:
        copies = copied_plain(genomes / rows, kept), copied_plain(genomes / genome, kept)
        compare_rows(strandscope, tally, "BED and GFF3, real", *copies)
    alleles = [row[:4] for row in read_alleles(brca1 / "variants.vcf")]
    gene = copied_plain(genomes / "human_BRCA1_NG_005905.2.fa.gz", kept)
    compare_real_alleles(strandscope, tally, "variants_brca1_sge", alleles, gene)
    elements = copied_plain(mpra / "elements.fa", kept)
    compare_real_alleles(strandscope, tally, "variants_mpra_satmut", anchored_alleles(mpra), elements)


def print_versions(strandscope):
    from importlib.metadata import version

    print(output_of(strandscope.path, "--version")[0].strip())
    programs = [output_of(name, "--version")[0].splitlines()[0] for name in ("samtools", "bedtools", "bcftools")]
    packages = [f"{package} {version(package)}" for package in PACKAGES.values()]
    print(", ".join(programs + packages))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("strandscope", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data"))
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    require_others()
    # Biopython warns of the location '-78' in PTEN, which it leaves out, as Strandscope does.
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        strandscope, tally = Strandscope(arguments.strandscope.resolve(), folder), Tally()
        print_versions(strandscope)
        contigs = make_contigs(arguments.seed)
        reference, ladder = write_fasta(folder / "reference.fa", contigs), Ladder(contigs, folder / "cut")
        compare_sequences(strandscope, tally, contigs, folder)
        compare_features(strandscope, tally, reference, ladder, folder)
        compare_variants(strandscope, tally, contigs, reference, ladder, folder)
        compare_signals(strandscope, tally, ladder, folder)
        compare_genbank_fixtures(tally)
        compare_genomes(strandscope, tally, EXAMPLES, folder)
        kept = folder / "kept"
        kept.mkdir()
        if arguments.data.is_dir():
            compare_data(strandscope, tally, arguments.data, kept)
        else:
            print(f"Genomes and variants of {arguments.data} are not compared: there is no such folder")
        sys.exit(1 if tally.print() else 0)


if __name__ == "__main__":
    main()
