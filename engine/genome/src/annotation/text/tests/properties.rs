use proptest::prelude::*;

use super::{Read, read, try_read};
use crate::AnnotationKind::{self, Bed, Gff3, Gtf, Vcf};

/// Pieces that rows are made of, good and bad.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("chrA".to_owned()),
        Just("M".to_owned()),
        Just(".".to_owned()),
        Just("gene".to_owned()),
        Just("exon".to_owned()),
        Just("CDS".to_owned()),
        Just("+".to_owned()),
        Just("A,<X>,ACGT".to_owned()),
        Just("0,5,".to_owned()),
        Just("ID=a;Parent=b,a%3".to_owned()),
        Just("gene_id \"a\"; transcript_id \"b\"".to_owned()),
        (0_u64..210).prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
        "\\PC{0,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    let line = prop::collection::vec(cell(), 0..13).prop_map(|cells| cells.join("\t"));
    let header = Just("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO".to_owned());
    let other = prop_oneof![Just("##FASTA".to_owned()), "#\\PC{0,20}", Just(String::new())];
    prop::collection::vec(prop_oneof![8 => line, 1 => header, 1 => other], 0..12).prop_map(|lines| lines.join("\n"))
}

/// Whether every feature lies on its contig and has blocks within it, in order.
fn is_sound(read: &Read) -> bool {
    read.content.features.iter().all(|(contig, feature)| {
        let length_bp = if read.content.contigs[*contig as usize] == "chrA" { 200 } else { 16 };
        let is_ordered = feature.blocks.windows(2).all(|pair| pair[0].start_bp <= pair[1].start_bp);
        let is_within = feature.blocks.iter().all(|block| {
            feature.start_bp <= block.start_bp && block.start_bp < block.end_bp && block.end_bp <= feature.end_bp
        });
        feature.start_bp <= feature.end_bp && feature.end_bp <= length_bp && is_ordered && is_within
    })
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_fall_over(text in text()) {
        for kind in [Bed, Gff3, Gtf, Vcf] {
            if let Ok(read) = try_read(&text, kind, true) {
                prop_assert!(is_sound(&read), "{:?}: {:?}", kind, read.content.features);
                if kind == Bed {
                    let used = read.rows.iter().filter(|row| row.status == crate::RowStatus::Ok).count();
                    prop_assert_eq!(used, read.content.features.len(), "a feature for each row");
                }
            }
        }
    }

    #[test]
    fn positions_hold_at_both_ends_of_a_contig(start in 0_u64..204, length in 0_u64..204) {
        let end = start + length;
        let place = |text: String, kind: AnnotationKind| {
            let read = read(&text, kind);
            read.content.features.first().map(|(_, feature)| (feature.start_bp, feature.end_bp))
        };
        let fits = end <= 200;
        let bed = place(format!("chrA\t{start}\t{end}\n"), Bed);
        prop_assert_eq!(bed, fits.then_some((start, end)), "BED counts from 0");
        let first = start + 1;
        for (kind, attributes) in [(Gff3, "ID=a"), (Gtf, "gene_id \"a\";")] {
            let gff = place(format!("chrA\tt\tgene\t{first}\t{end}\t.\t+\t.\t{attributes}\n"), kind);
            prop_assert_eq!(gff, (fits && length > 0).then_some((start, end)), "{:?} counts from 1", kind);
        }
    }

    #[test]
    fn variants_hold_at_both_ends_of_a_contig(start in 0_usize..204, length in 1_usize..8) {
        let bases: String = "ACGT".repeat(60)[start..start + length].to_owned();
        let header = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
        let read = read(&format!("{header}chrA\t{}\t.\t{bases}\tN\t.\t.\t.\n", start + 1), Vcf);
        let place = read.content.features.first().map(|(_, feature)| (feature.start_bp, feature.end_bp));
        let want = (start as u64, (start + length) as u64);
        prop_assert_eq!(place, (want.1 <= 200).then_some(want));
    }
}
