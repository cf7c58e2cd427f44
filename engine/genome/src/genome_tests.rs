//! Opening and reading against a naive reader, over packings, line forms, stale indexes and damage.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use noodles::bgzf;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::opening::Origin;

/// Everything goes through the ways of large files.
const NOTHING_IS_SMALL: Limits = Limits { scanned_bytes: 0, memory_bytes: 0 };

struct Folder {
    folder: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, path: &Path, limits: &Limits) -> Result<Genome, GenomeError> {
        Opened::open(path, &self.path("cache"), limits, &mut Hooks::default()).map(Genome::from)
    }

    fn open_large(&self, path: &Path) -> Genome {
        self.open(path, &NOTHING_IS_SMALL).unwrap()
    }
}

fn origin(genome: &Genome) -> &Origin {
    let Sequence::Fasta(text) = &genome.sequence else { panic!("it is no FASTA") };
    &text.origin
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bgzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bgzf::io::Writer::new(Vec::new());
    for part in bytes.chunks(100) {
        // Short blocks, so that regions cross them.
        writer.write_all(part).unwrap();
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

/// FASTA text with lines of `width` bases, or uneven ones for width 0.
fn fasta(records: &[Vec<u8>], width: usize, line_end: &str, last_line_end: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for (index, bases) in records.iter().enumerate() {
        text.extend(format!(">r{index} record >{index}{line_end}").bytes());
        let mut rest = bases.as_slice();
        let mut line = 0;
        while !rest.is_empty() {
            line += 1;
            let (start, end) = rest.split_at(rest.len().min(if width == 0 { line % 5 + 1 } else { width }));
            text.extend_from_slice(start);
            text.extend(line_end.bytes());
            rest = end;
        }
    }
    if !last_line_end {
        text.truncate(text.trim_ascii_end().len());
    }
    text
}

fn bases() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ACGTNacgtnRU-*".to_vec()), 1..400)
}

fn check_all_regions(genome: &mut Genome, records: &[Vec<u8>], cuts: &[(usize, usize)]) {
    for (index, bases) in records.iter().enumerate() {
        let name = format!("r{index}");
        assert_eq!(genome.contig(&name).unwrap().length_bp, bases.len() as u64, "length of {name}");
        for &(a, b) in cuts {
            let (a, b) = (a % (bases.len() + 1), b % (bases.len() + 1));
            let (start, end) = (a.min(b), a.max(b));
            let region = Region::new(name.clone(), start as u64, end as u64);
            let got = genome.read(&region).unwrap();
            assert_eq!(String::from_utf8_lossy(&got), String::from_utf8_lossy(&bases[start..end]), "{region}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn regions_equal_slices_of_the_record(
        records in prop::collection::vec(bases(), 1..4),
        width in 0_usize..70,
        line_end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        last_line_end: bool,
        packing in 0..3,
        cuts in prop::collection::vec((0_usize..1000, 0_usize..1000), 8),
    ) {
        let text = fasta(&records, width, line_end, last_line_end);
        let folder = Folder::new();
        let path = folder.write("x.fa", match packing { 0 => text, 1 => gzip(&text), _ => bgzip(&text) });
        check_all_regions(&mut folder.open(&path, &Limits::default()).unwrap(), &records, &cuts);
        // Built and kept, then taken from the cache.
        check_all_regions(&mut folder.open_large(&path), &records, &cuts);
        let mut again = folder.open_large(&path);
        prop_assert!(matches!(origin(&again), Origin::Kept(_)), "{:?} {:?}", origin(&again), again.warnings);
        check_all_regions(&mut again, &records, &cuts);
        prop_assert_eq!(folder.folder.path().read_dir().unwrap().count(), 2, "the file and the cache");
    }

    #[test]
    fn junk_is_read_or_refused_but_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), head in 0..4) {
        let folder = Folder::new();
        let mut junk = match head { 0 => b">a\nAC".to_vec(), 1 => gzip(b">a\nAC\n"), 2 => bgzip(b">a\nAC\n"), _ => Vec::new() };
        junk.extend(&bytes);
        let path = folder.write("x.fa", &junk);
        folder.write("x.fa.fai", &bytes);
        let opened = folder.open(&path, &Limits::default());
        let inspected = crate::inspect_sequences(&path, &mut Hooks::default());
        prop_assert_eq!(opened.is_ok(), inspected.is_ok(), "{:?}", opened.err());
        let _ = folder.open(&path, &NOTHING_IS_SMALL);
    }

    #[test]
    fn any_small_change_of_an_index_is_found_out(line in 0_usize..3, column in 1_usize..5, change in 1_u64..200) {
        let folder = Folder::new();
        let records = [vec![b'A'; 250], vec![b'C'; 130], vec![b'G'; 61]];
        let path = folder.write("x.fa", fasta(&records, 60, "\n", true));
        let mut rows = [["r0", "250", "14", "60", "61"], ["r1", "130", "283", "60", "61"], ["r2", "61", "430", "60", "61"]]
            .map(|row| row.map(str::to_owned));
        let fai = |rows: &[[String; 5]; 3]| rows.iter().map(|row| row.join("\t") + "\n").collect::<String>();
        folder.write("x.fa.fai", fai(&rows));
        let beside = folder.open_large(&path);
        prop_assert_eq!(origin(&beside), &Origin::Beside);
        let number: u64 = rows[line][column].parse().unwrap();
        rows[line][column] = (number + change).to_string();
        folder.write("x.fa.fai", fai(&rows));
        let mut genome = folder.open_large(&path);
        prop_assert_eq!(origin(&genome), &Origin::Scanned);
        prop_assert!(genome.warnings()[0].contains("x.fa.fai does not fit"), "{:?}", genome.warnings());
        check_all_regions(&mut genome, &records, &[(0, 1000)]);
    }
}

#[test]
fn a_change_while_open_is_refused_and_the_next_opening_is_right() {
    let folder = Folder::new();
    let path = folder.write("x.fa", ">a\nACGT\n");
    let mut genome = folder.open_large(&path);
    let region = Region::new("a", 0, 4);
    assert_eq!(genome.read(&region).unwrap(), b"ACGT");
    folder.write("x.fa", ">a\nACGTA\n");
    let error = genome.read(&region).unwrap_err();
    assert!(matches!(error, GenomeError::Changed { .. }) && error.to_string().contains("changed"), "{error}");
    assert!(genome.sha256(&mut Hooks::default()).is_err(), "the digest would be of another file");
    assert_eq!(folder.open_large(&path).contigs()[0].length_bp, 5);
}

#[test]
fn a_line_moved_without_a_trace_is_found_at_the_fetch() {
    let folder = Folder::new();
    let path = folder.write("x.fa", ">a\nACGT\nACGT\nACGT\nAC\n");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    drop(folder.open_large(&path));
    let kept = |folder: &Folder| folder.path("cache/indexes").read_dir().unwrap().next().unwrap().unwrap().path();
    let index = fs::read(kept(&folder)).unwrap();
    // A base goes from one line to the next: size, ends and first line stay, the time is set back.
    let path = folder.write("x.fa", ">a\nACGT\nACG\nTACGT\nAC\n");
    fs::File::options().write(true).open(&path).unwrap().set_modified(before).unwrap();
    fs::remove_file(kept(&folder)).unwrap();
    drop(folder.open_large(&path));
    fs::write(kept(&folder), index).unwrap();
    let mut genome = folder.open_large(&path);
    let error = genome.read(&Region::new("a", 0, 14)).unwrap_err();
    assert!(matches!(error, GenomeError::Changed { .. }), "{error}");
    assert_eq!(folder.open_large(&path).read(&Region::new("a", 0, 14)).unwrap(), b"ACGTACGTACGTAC");
}

#[test]
fn a_damaged_or_unwritable_cache_is_a_warning() {
    let folder = Folder::new();
    let path = folder.write("x.fa", ">a\nACGT\n");
    drop(folder.open_large(&path));
    for entry in folder.path("cache/indexes").read_dir().unwrap() {
        fs::write(entry.unwrap().path(), "{}").unwrap();
    }
    let genome = folder.open_large(&path);
    assert!(genome.warnings()[0].contains("checksum"), "{:?}", genome.warnings());
    fs::remove_dir_all(folder.path("cache")).unwrap();
    folder.write("cache", "a file where the folder should be");
    let mut genome = folder.open_large(&path);
    assert!(genome.warnings()[0].contains("could not be kept"), "{:?}", genome.warnings());
    assert_eq!(genome.read(&Region::new("a", 1, 3)).unwrap(), b"CG");
}

#[test]
fn regions_and_names_that_are_not_there_are_explained() {
    let folder = Folder::new();
    let mut genome = folder.open(&folder.write("x.fa", ">7 x\nACGT\n"), &Limits::default()).unwrap();
    let error = genome.read(&Region::new("chr7", 0, 1)).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("did you mean '7'?"), "{error}");
    let error = genome.read(&Region::new("7", 2, 5)).unwrap_err();
    assert!(error.is_bad_input() && error.to_string().contains("has 4 bases"), "{error}");
    assert!(genome.read(&Region::new("7", 3, 2)).is_err(), "upside down");
    assert_eq!(genome.clip(&Region::new("7", 2, 50)).unwrap(), Region::new("7", 2, 4));
    assert_eq!(genome.read(&Region::new("7", 4, 4)).unwrap(), b"");
}

#[test]
fn work_stops_when_asked_and_leaves_nothing() {
    let folder = Folder::new();
    let path = folder.write("x.fa.gz", gzip(&fasta(&[vec![b'A'; 3_000_000]], 60, "\n", true)));
    let mut hooks = Hooks { cancelled: Some(&|| true), ..Hooks::default() };
    let stopped = Opened::open(&path, &folder.path("cache"), &NOTHING_IS_SMALL, &mut hooks);
    assert!(matches!(stopped, Err(GenomeError::Cancelled)), "it was asked to stop");
    let left = folder.path("cache/unpacked").read_dir().map_or(0, Iterator::count);
    assert_eq!(left, 0, "no half copy stays in the cache");
}

#[test]
fn the_cache_makes_room_for_what_was_used_last() {
    let folder = Folder::new();
    for (age, name) in ["old", "middle", "new"].into_iter().rev().enumerate() {
        let path = folder.write(name, [0; 10]);
        let time = SystemTime::now() - Duration::from_secs(60 * age as u64);
        fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    cache::make_room(folder.folder.path(), 20);
    assert!(
        !folder.path("old").exists() && folder.path("middle").exists() && folder.path("new").exists(),
        "oldest first"
    );
}

#[test]
fn digest_is_of_the_file_as_it_lies_on_disk() {
    let folder = Folder::new();
    let genome = folder.open(&folder.write("x.fa", ">a\nACGT\n"), &Limits::default()).unwrap();
    let digest = genome.sha256(&mut Hooks::default()).unwrap();
    assert_eq!(digest, "ec93753459551ffadb17f616d5e6bd45de641c045083fac84c4fa223987b232b");
}

#[test]
fn genomes_and_outputs_may_go_to_another_thread() {
    fn goes<T: Send>() {}
    goes::<Genome>();
    goes::<crate::TrackFiles>();
}
