//! The bundled examples: real sequences that show a newcomer the point.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use directories::ProjectDirs;
use strandscope_ui::Example;
use strandscope_worker::{
    TrackSource,
    genome::{AtomicFile, Region},
};

/// A file inside the program.
struct Bundled {
    name: &'static str,
    bytes: &'static [u8],
}

/// A file of `assets/examples`; see the README there for their origins.
macro_rules! bundled {
    ($name:literal) => {
        Bundled { name: $name, bytes: include_bytes!(concat!("../../../assets/examples/", $name)) }
    };
}

/// An example as it is told here.
struct Told {
    title: &'static str,
    note: &'static str,
    sequence: Bundled,
    /// A file of features beside it.
    features: Option<Bundled>,
    /// Whether the sequence file has features of its own.
    has_features: bool,
    /// What is found in the bases.
    found: Option<Found>,
    /// 1-based, as people write it.
    locus: &'static str,
    head: Option<&'static str>,
    translation: bool,
}

/// What is found in the bases of an example.
enum Found {
    Motif(&'static str),
    Orfs { least_bp: u64 },
    GcShare,
}

/// All examples; the first one is shown at the first start.
fn told() -> [Told; 6] {
    [
        // Around exons 4 and 5, whose splice sites no training set of ours holds.
        Told {
            title: "Human PTEN gene: splicing",
            note: "Exons 4 and 5 lie at 67,609-67,652 and 69,576-69,814. An exon begins right after an acceptor and \
                   ends right before a donor: look for both tracks to peak there.",
            sequence: bundled!("human_PTEN_GRCh37.gbk.gz"),
            features: None,
            has_features: true,
            found: None,
            locus: "NT_030059.13:66,501-70,500",
            head: Some("splice"),
            translation: false,
        },
        Told {
            title: "Yeast chromosome I",
            note: "A whole chromosome with its genes, scored for where such DNA comes from. F and B step from gene to \
                   gene, R reads the other strand, and Ctrl+Shift+Enter scores all of it.",
            sequence: bundled!("yeast_chrI.fa.gz"),
            features: Some(bundled!("yeast_chrI.gff3.gz")),
            has_features: false,
            found: Some(Found::GcShare),
            locus: "chrI:24,001-44,000",
            head: Some("source"),
            translation: false,
        },
        Told {
            title: "SARS-CoV-2: leader motif",
            note: "ACGAAC stands before most genes of this virus: its polymerase jumps from there to the leader at the \
                   start of the genome. With the motif's lane selected, F steps from place to place.",
            sequence: bundled!("sarscov2_MN908947.gbk.gz"),
            features: None,
            has_features: true,
            found: Some(Found::Motif("ACGAAC")),
            locus: "MN908947:21,001-29,903",
            head: None,
            translation: false,
        },
        Told {
            title: "Phage phiX174: overlapping genes",
            note: "Genes B, K and E lie inside others, read in another frame. The six rows of amino acids show why both \
                   readings are open: follow one frame from a green start to a red stop.",
            sequence: bundled!("phiX174_NC_001422.gbk.gz"),
            features: None,
            has_features: true,
            found: Some(Found::Orfs { least_bp: 150 }),
            locus: "NC_001422.1:391-890",
            head: None,
            translation: true,
        },
        Told {
            title: "Arabidopsis chloroplast",
            note: "The genome of a chloroplast repeats a stretch of 26 kb in both directions, with the genes of its \
                   ribosomes, which are richer in G and C than the rest.",
            sequence: bundled!("arabidopsis_chloroplast_NC_000932.gbk.gz"),
            features: None,
            has_features: true,
            found: Some(Found::GcShare),
            locus: "NC_000932.1:1-154,478",
            head: None,
            translation: false,
        },
        Told {
            title: "Plague plasmid: whose DNA?",
            note: "Plasmid pPCP1 of Yersinia pestis, nine and a half thousand bases with ten genes. The head tells which \
                   of six sources each stretch looks like; its card says how often it is right.",
            sequence: bundled!("yersinia_plasmid_NC_005816.gbk.gz"),
            features: None,
            has_features: true,
            found: None,
            locus: "NC_005816.1:1-9,609",
            head: Some("source"),
            translation: false,
        },
    ]
}

/// The examples as files on disk: they are opened like any other. None where no folder can hold them.
pub(crate) fn unpacked() -> Vec<Example> {
    let cache = ProjectDirs::from("", "", "strandscope").map(|folders| folders.cache_dir().join("examples"));
    let temporary = std::env::temp_dir().join("strandscope-examples");
    let folders = cache.into_iter().chain([temporary]);
    folders.into_iter().find_map(|folder| told().iter().map(|told| unpack(told, &folder)).collect()).unwrap_or_default()
}

fn unpack(told: &Told, folder: &Path) -> Option<Example> {
    let path = unpack_into(folder, &told.sequence)?;
    let mut tracks = Vec::new();
    if told.has_features {
        tracks.push(TrackSource::File(path.clone()));
    }
    if let Some(features) = &told.features {
        tracks.push(TrackSource::File(unpack_into(folder, features)?));
    }
    tracks.extend(told.found.as_ref().map(|found| match *found {
        Found::Motif(pattern) => TrackSource::Motif(pattern.to_owned()),
        Found::Orfs { least_bp } => TrackSource::Orfs { code: 11, least_bp },
        Found::GcShare => TrackSource::GcShare,
    }));
    Some(Example {
        title: told.title.to_owned(),
        note: told.note.to_owned(),
        path,
        tracks,
        locus: told.locus.parse::<Region>().ok(),
        head: told.head.map(str::to_owned),
        translation: told.translation,
    })
}

fn unpack_into(folder: &Path, file: &Bundled) -> Option<PathBuf> {
    let path = folder.join(file.name);
    if fs::read(&path).is_ok_and(|bytes| bytes == file.bytes) {
        return Some(path);
    }
    let write = || -> Result<(), Box<dyn std::error::Error>> {
        fs::create_dir_all(folder)?;
        let mut written = AtomicFile::create(&path, true)?;
        written.write_all(file.bytes)?;
        Ok(written.commit()?)
    };
    match write() {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::info!(folder = %folder.display(), %error, "the examples could not be unpacked");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_small_and_their_loci_can_be_read() {
        for told in told() {
            let bytes = told.sequence.bytes.len() + told.features.as_ref().map_or(0, |file| file.bytes.len());
            assert!(bytes < 1 << 20, "{} has {bytes} bytes", told.title);
            assert!(told.locus.parse::<Region>().is_ok(), "{}: {}", told.title, told.locus);
        }
    }
}
