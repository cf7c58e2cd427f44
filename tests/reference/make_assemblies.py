#!/usr/bin/env python3
"""Writes assets/assemblies.tsv: names and lengths of the chromosomes of reference assemblies.

  pip download --no-deps bioframe==0.8.0 && python3 make_assemblies.py bioframe-*.whl > ../../assets/assemblies.tsv

Lengths and accessions are facts of the assembly reports of NCBI, taken over from the tables in bioframe (MIT).
Arabidopsis is not among them: its rows are typed from the report of GCF_000001735.4 (chromosomes and chloroplast).
"""
import csv, io, re, sys, zipfile

ASSEMBLIES = [
    ("GRCh37", "hg19"), ("GRCh38", "hg38"), ("T2T-CHM13v2.0", "hs1"), ("GRCm38", "mm10"), ("GRCm39", "mm39"),
    ("R64", "sacCer3"), ("WBcel235", "ce11"), ("BDGP6", "dm6"),
]
TAIR10 = [
    (30427671, "1", "NC_003070.9", "CP002684.1"), (19698289, "2", "NC_003071.7", "CP002685.1"),
    (23459830, "3", "NC_003074.8", "CP002686.1"), (18585056, "4", "NC_003075.7", "CP002687.1"),
    (26975502, "5", "NC_003076.8", "CP002688.1"),
]
ROMAN = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI".split()
MITOCHONDRION = ["chrM", "M", "MT", "chrMT"]


def names_of(assembly, row):
    # bioframe's aliases also hold names of scaffolds of earlier releases, which would say nothing here.
    accession = re.compile(r"([A-Z]{2}_[0-9]{6,}|[A-Z]{1,2}[0-9]{5,})\.[0-9]+")
    own = [alias for alias in row["aliases"].split(",") if alias]
    short = row["name"].removeprefix("chr")
    names = list(MITOCHONDRION) if short in ("M", "MT") else [row["name"], short]
    if "NC_001807.4" in own:
        # UCSC's hg19 has another mitochondrion than GRCh37: it is never called MT.
        names = ["chrM", "M"]
    if assembly == "R64" and short in ROMAN:
        number = str(ROMAN.index(short) + 1)
        names += [number, "chr" + number]
    names += [alias for alias in own if accession.fullmatch(alias)]
    names += [alias for alias in own if not accession.fullmatch(alias)]
    return list(dict.fromkeys(names))


def main():
    wheel = zipfile.ZipFile(sys.argv[1])
    print("#assembly\tlength_bp\tnames")
    for assembly, ucsc in ASSEMBLIES:
        text = wheel.read(f"bioframe/io/data/{ucsc}.seqinfo.tsv").decode()
        for row in csv.DictReader(io.StringIO(text), delimiter="\t"):
            if row["role"] == "assembled" and row["molecule"] != "chrEBV":
                print(assembly, row["length"], ",".join(names_of(assembly, row)), sep="\t")
    for length, number, *accessions in TAIR10:
        print("TAIR10", length, ",".join([f"Chr{number}", number, f"chr{number}", *accessions]), sep="\t")
    print("TAIR10", 154478, "ChrC,C,Pt,chrC,chrPt,NC_000932.1,AP000423.1", sep="\t")


main()
