//! 2bit files of both byte orders and both versions against the FASTA they were made from, and damaged ones.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use crate::{Genome, GenomeError, Hooks, Region, inspect_sequences};

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/sequences").join(name)
}

fn open(bytes: &[u8]) -> Result<(tempfile::TempDir, Genome), GenomeError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.2bit");
    fs::write(&path, bytes).expect("written");
    let genome = Genome::open(&path, folder.path())?;
    Ok((folder, genome))
}

#[test]
fn all_forms_hold_the_same_as_fasta() {
    let cache = tempfile::tempdir().expect("a folder");
    let mut fasta = Genome::open(&fixture("2bit.fa"), cache.path()).expect("opened");
    let records = inspect_sequences(&fixture("2bit.fa"), &mut Hooks::default()).expect("a report").records;
    for name in ["little.2bit", "big.2bit", "wide.2bit"] {
        let mut genome = Genome::open(&fixture(name), cache.path()).expect("opened");
        assert_eq!(genome.contigs(), fasta.contigs(), "{name}");
        let report = inspect_sequences(&fixture(name), &mut Hooks::default()).expect("a report");
        assert_eq!((report.kind.as_str(), &report.records), ("twobit", &records), "{name}");
        for contig in fasta.contigs().to_vec() {
            let ends = [0, 1, 2, 3, 4, 5, 500, 997];
            for start_bp in ends.into_iter().filter(|&start| start <= contig.length_bp) {
                for length_bp in [0, 1, 3, 4, 5, 64, 4096, u64::MAX / 2] {
                    let end_bp = contig.length_bp.min(start_bp.saturating_add(length_bp));
                    let region = Region::new(&contig.name, start_bp, end_bp);
                    let (got, want) = (genome.read(&region), fasta.read(&region));
                    assert_eq!(got.expect("2bit"), want.expect("FASTA"), "{name} {region}");
                }
            }
        }
    }
}

#[test]
fn damage_is_refused_with_its_place() {
    let good = fs::read(fixture("little.2bit")).expect("the fixture");
    assert!(open(&good).is_ok(), "whole");
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = good.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        damaged
    };
    let refused = [
        (with(4, &[2]), "byte 4", "version is 2"),
        (with(8, &[0xff; 4]), "byte 8", "do not fit"),
        (with(8, &[0; 4]), "byte 8", "no record"),
        (with(12, &[1]), "byte 12", "always zero"),
        (with(16, &[0]), "byte 16", "no name"),
        (with(19, &[0xff; 4]), "byte 19", "truncated"),
        (with(17, b"r1"), "byte 23", "duplicate"),
        (with(18, &[7]), "byte 16", "control"),
        (with(19, &good[26..30]), "byte", "over each other"),
        (good[..good.len() - 1].to_vec(), "byte", "truncated"),
        (good[..10].to_vec(), "byte 0", "truncated"),
    ];
    for (bytes, place, reason) in refused {
        let error = open(&bytes).expect_err(reason).to_string();
        assert!(error.contains(place) && error.contains(reason), "{reason}: {error}");
    }
    let mut longer = good;
    longer.push(0);
    assert!(open(&longer).expect("opened").1.warnings()[0].contains("1 bytes after"), "told");
}

#[test]
fn packed_files_are_to_be_unpacked() {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&fs::read(fixture("little.2bit")).expect("the fixture")).expect("packed");
    let error = open(&packed.finish().expect("packed")).expect_err("refused").to_string();
    assert!(error.contains("gunzip"), "{error}");
}

proptest! {
    #[test]
    fn any_damage_is_read_or_refused_and_never_panics(at in 0_usize..600, bytes: [u8; 4], cut in 0_usize..6000) {
        let mut damaged = fs::read(fixture("little.2bit")).expect("the fixture");
        damaged[at..at + 4].copy_from_slice(&bytes);
        damaged.truncate(cut);
        if let Ok((_folder, mut genome)) = open(&damaged) {
            for contig in genome.contigs().to_vec() {
                let bases = genome.read(&Region::new(&contig.name, 0, contig.length_bp));
                prop_assert!(bases.is_ok(), "{:?}", bases.err());
            }
        }
    }
}
