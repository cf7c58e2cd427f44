use super::{blocks, read};
use crate::{
    AnnotationKind::{self, Gff3},
    BlockKind::{Coding, Part, Untranslated},
    Strand,
};

/// Rows `KIND START END STRAND ATTRIBUTES` on chrA.
fn rows(rows: &[(&str, u64, u64, &str)]) -> String {
    let row = |&(kind, start, end, attributes): &(&str, u64, u64, &str)| {
        format!("chrA\ttest\t{kind}\t{start}\t{end}\t.\t-\t.\t{attributes}\n")
    };
    "##gff-version 3\n".to_owned() + &rows.iter().map(row).collect::<String>()
}

#[test]
fn each_row_is_used_or_refused_by_itself() {
    let text = "##gff-version 3\n##sequence-region chrA 1 300\n\
        chrA\tt\tgene\t1\t200\t.\t+\t.\tID=a\n\
        chrA\tt\tgene\t0\t10\t.\t+\t.\tID=b\n\
        chrA\tt\tgene\t90\t80\t.\t+\t.\tID=c\n\
        chrA\tt\tgene\t90\t201\t.\t+\t.\tID=d\n\
        chrQ\tt\tgene\t1\t5\t.\t+\t.\tID=e\n\
        chrA t gene 5 100 . + . ID=f\n\
        chrA\tt\tgene\t5\t100\t.\t+\t.\n\
        chrA\tt\tgene\t5\t100\t.\tplus\t.\tID=g\n\
        chrA\tt\tgene\t5\t1e2\t.\t+\t.\tID=h\n\
        chrA\tt\tgene\t5\t9\t.\t+\t.\tgene_id \"i\";\n\
        chrA\tt\tgene\t5\t9\t.\t+\t.\tID=j\tmore\n\
        chr%41\tt\tgene\t5\t9\tx\t?\t7\tID=k;odd;Name=50%25%3B\t\n\
        ###\n##FASTA\n>chrA\nACGT\nchrA\tt\tgene\t1\t5\t.\t+\t.\tID=l\n";
    let read = read(text, Gff3);
    let want = [
        (3, "ok"),
        (4, "coordinates"),
        (5, "coordinates"),
        (6, "beyond_end"),
        (7, "unknown_contig"),
        (8, "columns"),
        (9, "columns"),
        (10, "columns"),
        (11, "number"),
        (12, "attributes"),
        (13, "columns"),
        (14, "ok"),
    ];
    assert_eq!(read.statuses(), want);
    assert!(read.reason(8).contains("blanks stand where GFF3 has tabs"), "{}", read.reason(8));
    assert!(read.reason(9).contains("8 columns, 9 are expected"), "{}", read.reason(9));
    assert!(read.reason(12).contains("as in GTF"), "{}", read.reason(12));
    let feature = read.feature("a");
    assert_eq!((feature.start_bp, feature.end_bp, feature.strand), (0, 200, Some(Strand::Forward)));
    let decoded = read.feature("50%;");
    assert_eq!((decoded.start_bp, decoded.end_bp, decoded.strand), (4, 9, None));
    assert_eq!((decoded.attribute("ID"), decoded.attribute("source")), (Some("k"), Some("t")));
    for words in ["lengths differ: chrA has 300", "Scores that are no numbers", "Phases", "without '='"] {
        assert!(read.warns_of(words), "{words}: {:?}", read.content.warnings);
    }
}

#[test]
fn a_transcript_is_one_feature_and_speaks_for_its_gene() {
    let read = read(
        &rows(&[
            ("gene", 5, 100, "ID=g1;Name=GENE;Alias=G1,G2;description=a gene"),
            ("mRNA", 5, 100, "ID=m1;Parent=g1;Name=GENE-1"),
            ("mRNA", 5, 60, "ID=m2;Parent=g1"),
            ("exon", 5, 40, "ID=e1;Parent=m1,m2"),
            ("exon", 60, 100, "ID=e2;Parent=m1"),
            ("CDS", 20, 40, "ID=c1;Parent=m1;protein_id=P1;product=enzyme"),
            ("CDS", 60, 70, "ID=c1;Parent=m1;protein_id=P1;product=enzyme"),
            ("three_prime_UTR", 41, 60, "Parent=m2"),
        ]),
        Gff3,
    );
    assert_eq!(read.names(), [("GENE-1", "mRNA"), ("m2", "mRNA")]);
    let transcript = read.feature("GENE-1");
    let want = [(4, 19, Untranslated), (19, 40, Coding), (59, 70, Coding), (70, 100, Untranslated)];
    assert_eq!(blocks(transcript), want);
    let attributes = ["gene", "gene_id", "gene_Alias", "gene_description", "protein_id", "product", "ID"];
    let want = ["GENE", "g1", "G1", "a gene", "P1", "enzyme", "m1"];
    assert_eq!(attributes.map(|key| transcript.attribute(key)), want.map(Some));
    assert_eq!(blocks(read.feature("m2")), [(4, 40, Untranslated), (40, 60, Untranslated)]);
    let [gene] = &read.content.landmarks[..] else { panic!("one gene") };
    assert_eq!((gene.name.as_str(), gene.start_bp, gene.end_bp), ("GENE", 4, 100));
    assert!(read.content.warnings.is_empty(), "{:?}", read.content.warnings);
}

#[test]
fn a_gene_with_parts_of_its_own_is_a_feature() {
    let read = read(
        &rows(&[
            ("gene", 5, 100, "ID=YAL1;Name=YAL1;gene=ACT1"),
            ("CDS", 5, 40, "Parent=YAL1"),
            ("CDS", 60, 100, "Parent=YAL1"),
            ("intron", 41, 59, "Parent=YAL1"),
            ("tRNA", 110, 150, "ID=t"),
            ("noncoding_exon", 110, 150, "Parent=t"),
        ]),
        Gff3,
    );
    assert_eq!(read.names(), [("YAL1", "gene"), ("t", "tRNA")]);
    assert_eq!(blocks(read.feature("YAL1")), [(4, 40, Coding), (59, 100, Coding)]);
    assert_eq!(blocks(read.feature("t")), [(109, 150, Untranslated)]);
}

#[test]
fn parts_may_come_before_their_parents() {
    let mut all = [
        ("gene", 5, 100, "ID=g1"),
        ("mRNA", 5, 100, "ID=m1;Parent=g1"),
        ("CDS", 5, 40, "ID=c1;Parent=m1"),
        ("CDS", 60, 100, "ID=c1;Parent=m1"),
        ("exon", 5, 100, "ID=e1;Parent=m1"),
    ];
    let forward = read(&rows(&all), Gff3);
    all.reverse();
    let backward = read(&rows(&all), Gff3);
    for read in [&forward, &backward] {
        assert_eq!(read.names(), [("m1", "mRNA")]);
        assert_eq!(blocks(read.feature("m1")), [(4, 40, Coding), (40, 59, Untranslated), (59, 100, Coding)]);
    }
}

#[test]
fn rows_of_one_id_are_one_feature() {
    let read = read(
        &rows(&[
            ("CDS", 5, 10, "ID=c;Name=alone"),
            ("CDS", 20, 30, "ID=c;Name=alone"),
            ("cDNA_match", 40, 50, "ID=x;Target=y 1 11"),
            ("cDNA_match", 60, 70, "ID=x;Target=y 12 22"),
            ("match", 80, 120, "ID=z"),
            ("match_part", 80, 90, "Parent=z"),
            ("match_part", 110, 120, "Parent=z"),
            ("gene", 5, 10, "ID=c"),
        ]),
        Gff3,
    );
    assert_eq!(read.names(), [("alone", "CDS"), ("c", "gene"), ("x", "cDNA_match"), ("z", "match")]);
    assert_eq!(blocks(read.feature("alone")), [(4, 10, Coding), (19, 30, Coding)]);
    assert_eq!(blocks(read.feature("x")), [(39, 50, Part), (59, 70, Part)]);
    assert_eq!(blocks(read.feature("z")), [(79, 90, Part), (109, 120, Part)]);
    assert_eq!((read.feature("x").start_bp, read.feature("x").end_bp), (39, 70));
}

#[test]
fn parents_that_lead_nowhere_are_told_and_survived() {
    let read = read(
        &(rows(&[
            ("exon", 5, 40, "ID=e9;Parent=nobody"),
            ("gene", 5, 50, "ID=a;Parent=b"),
            ("mRNA", 5, 50, "ID=b;Parent=a"),
            ("exon", 60, 70, "ID=self;Parent=self"),
            ("mRNA", 80, 90, "ID=m"),
            ("exon", 80, 95, "Parent=m"),
        ]) + "chrM\tt\texon\t1\t5\t.\t+\t.\tID=far;Parent=m\n"),
        Gff3,
    );
    assert!(read.rows.iter().all(|row| row.status == crate::RowStatus::Ok), "no row is lost: {:?}", read.statuses());
    assert_eq!(
        read.names(),
        [("a", "gene"), ("b", "mRNA"), ("e9", "exon"), ("far", "exon"), ("m", "mRNA"), ("self", "exon")]
    );
    for words in [
        "Parent is not in the file stand on their own: line 2 (nobody)",
        "their own ancestors stand on their own: 3 rows, the first in line 3",
        "Parent is on another contig",
        "parts outside them reach to the ends of these: line 6 (a part at 80-95)",
    ] {
        assert!(read.warns_of(words), "{words}: {:?}", read.content.warnings);
    }
    assert_eq!(read.feature("m").end_bp, 95);
}

#[test]
fn many_rows_of_one_id_take_no_time() {
    let mut text = "##gff-version 3\n".to_owned();
    for number in 0..20_000 {
        text += &format!("chrA\tt\tgene\t1\t5\t.\t+\t.\tID=same;Parent=p{number}\n");
    }
    let start = std::time::Instant::now();
    assert_eq!(read(&text, Gff3).content.features.len(), 20_000);
    assert!(start.elapsed().as_secs() < 20, "took {:?}", start.elapsed());
}

#[test]
fn colours_in_attributes_are_taken() {
    let read = read(
        &rows(&[
            ("gene", 1, 2, "ID=a;color=#FF8000"),
            ("gene", 1, 2, "ID=b;color=1,2,3"),
            ("gene", 1, 2, "ID=c;color=é12345"),
        ]),
        Gff3,
    );
    let colours = ["a", "b", "c"].map(|name| read.feature(name).colour);
    assert_eq!(colours, [Some([255, 128, 0]), Some([1, 2, 3]), None]);
}

#[test]
fn the_first_row_tells_gtf_from_gff3() {
    let read = read(
        "chrA\tt\tgene\t5\t100\t.\t+\t.\tgene_id \"g1\"; gene_name \"N\";\nchrA\tt\tgene\t5\t100\t.\t+\t.\tID=g1\n",
        Gff3,
    );
    assert_eq!(read.content.kind, AnnotationKind::Gtf);
    assert_eq!(read.statuses(), [(1, "ok"), (2, "attributes")]);
    assert_eq!(read.names(), [("N", "gene")]);
}
