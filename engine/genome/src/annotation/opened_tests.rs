use super::*;

fn opened(name: &str, text: &str) -> Annotation {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    Annotation::open(&path, None, &mut Hooks::default()).expect("opened")
}

#[test]
fn refused_rows_are_counted_and_the_first_are_kept() {
    let text = "c\t1\t2\n".to_owned() + &"c\t5\t1\n".repeat(1_500);
    let annotation = opened("a.bed", &text);
    assert_eq!((annotation.row_count(), annotation.refused_count(), annotation.len()), (1_501, 1_500, 1));
    assert_eq!(annotation.refused().len(), MOST_REFUSED);
    assert_eq!(annotation.kind(), AnnotationKind::Bed);
    assert_eq!(annotation.features("nowhere", 0, 10).count(), 0, "an unknown contig has nothing");
    assert_eq!(annotation.density("nowhere", 0, 10, 3), [0, 0, 0]);
    assert!(annotation.next_after("nowhere", 0).is_none() && annotation.all("nowhere").is_empty(), "nothing at all");
}

#[test]
fn a_gene_is_found_once_and_by_all_its_names() {
    let annotation = opened(
        "a.gff3",
        "##gff-version 3\n\
         c\tx\tgene\t5\t100\t.\t+\t.\tID=gene1;Name=BRCA1;Alias=IRIS,PSCP\n\
         c\tx\tmRNA\t5\t100\t.\t+\t.\tID=NM_1;Parent=gene1;gene=BRCA1\n\
         c\tx\texon\t5\t100\t.\t+\t.\tParent=NM_1\n\
         c\tx\tgene\t200\t300\t.\t+\t.\tID=YAL068C;Name=YAL068C;gene=PAU8;locus_tag=LT7\n\
         c\tx\tCDS\t200\t300\t.\t+\t.\tParent=YAL068C\n",
    );
    let found = |text: &str| {
        let hits = annotation.find(text, 10).into_iter();
        hits.map(|hit| (hit.matched, hit.name, hit.kind, hit.start_bp, hit.end_bp)).collect::<Vec<_>>()
    };
    let hit = |matched: &str, name: &str, kind: &str, start, end| {
        (matched.to_owned(), name.to_owned(), kind.to_owned(), start, end)
    };
    assert_eq!(found("brca1"), [hit("BRCA1", "BRCA1", "gene", 4, 100)], "not its transcript");
    assert_eq!(found("iris"), [hit("IRIS", "BRCA1", "gene", 4, 100)]);
    assert_eq!(found("nm_"), [hit("NM_1", "NM_1", "mRNA", 4, 100)]);
    assert_eq!(found("Pau8"), [hit("PAU8", "YAL068C", "gene", 199, 300)]);
    assert_eq!(found("068"), [hit("YAL068C", "YAL068C", "gene", 199, 300)], "within a name");
    assert_eq!(found("lt7").len(), 1);
    assert!(found("").is_empty() && found("zzz").is_empty(), "nothing is found");
    assert_eq!(annotation.find("a", 1).len(), 1, "no more than asked for");
}

#[test]
fn variants_are_found_by_their_identifiers() {
    let header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let annotation = opened("a.vcf", &format!("{header}c\t5\trs123;COSV9\tA\tC,G\t.\t.\t.\nc\t9\t.\tA\tC\t.\t.\t.\n"));
    for text in ["RS123", "cosv9", "rs12"] {
        let hits = annotation.find(text, 10);
        assert_eq!(hits.iter().map(|hit| hit.start_bp).collect::<Vec<_>>(), [4], "{text}: both alleles are one hit");
    }
}

#[test]
fn an_empty_file_is_bed_without_rows_and_nothing_else() {
    let annotation = opened("a.bed", "");
    assert!(
        annotation.is_empty() && annotation.warnings()[0].contains("empty (0 bytes)"),
        "{:?}",
        annotation.warnings()
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.vcf");
    std::fs::write(&path, "").expect("written");
    let error = Annotation::open(&path, None, &mut Hooks::default()).expect_err("no header").to_string();
    assert!(error.contains("empty (0 bytes)"), "{error}");
}

#[test]
fn files_of_other_formats_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.fa");
    std::fs::write(&path, ">chr1\nACGT\n").expect("written");
    let error = Annotation::open(&path, None, &mut Hooks::default()).expect_err("no annotation");
    assert!(error.is_bad_input() && error.to_string().contains("does not look like BED"), "{error}");
}
