//! Sequences that were pasted, kept as files so that they are read like any other.

use std::{fs, io::Write as _, path::Path};

use strandscope_genome::{AtomicFile, grouped, read_pasted, sha256_of_bytes};

use crate::{ErrorKind, JobError, Outcome, PastedSequence, engine::Stop};

/// Bases of a line.
const LINE_BP: usize = 60;
/// Digits of the checksum that tell pasted texts apart.
const DIGITS: usize = 12;

/// Takes the sequences out of a text and writes them into the folder of pasted sequences.
pub(super) fn keep_pasted(text: &str, cache: &Path) -> Result<Outcome, Stop> {
    let pasted = read_pasted(text).map_err(|error| JobError::of(ErrorKind::BadInput, &error))?;
    let mut fasta = Vec::new();
    for record in &pasted.records {
        let header = format!("{} {}", record.name, record.description);
        fasta.extend_from_slice(format!(">{}\n", header.trim_end()).as_bytes());
        for line in record.bases.chunks(LINE_BP) {
            fasta.extend_from_slice(line);
            fasta.push(b'\n');
        }
    }
    let folder = cache.join("pasted");
    let digest = sha256_of_bytes(&fasta);
    let name = pasted.records.first().map_or("pasted", |record| record.name.as_str());
    let path = folder.join(format!("{}-{}.fa", safe(name), digest.get(..DIGITS).unwrap_or(&digest)));
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!("cannot keep the pasted sequence in {}: {error}; free some space", folder.display());
        JobError::new(ErrorKind::Runtime, message)
    };
    fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
    let mut file = AtomicFile::create(&path, true).map_err(|error| failed(&error))?;
    file.write_all(&fasta).map_err(|error| failed(&error))?;
    file.commit().map_err(|error| failed(&error))?;
    let bases: usize = pasted.records.iter().map(|record| record.bases.len()).sum();
    let records = match pasted.records.len() {
        1 => String::new(),
        count => format!(" in {} records", grouped(count as u64)),
    };
    let mut notes = vec![format!("Pasted {} bases{records}.", grouped(bases as u64))];
    notes.extend(pasted.removed.sentence());
    Ok(Outcome::Pasted(PastedSequence { path, notes }))
}

/// A name that can be part of the name of a file anywhere.
fn safe(name: &str) -> String {
    const LONGEST: usize = 40;
    let kept = name.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' });
    kept.take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pasted_becomes_a_file_and_what_was_removed_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let outcome = keep_pasted("1 acgt acgt 8\n9 nnry 12", folder.path());
        let Ok(Outcome::Pasted(pasted)) = outcome else { panic!("it is a sequence") };
        let text = fs::read_to_string(&pasted.path).expect("the file");
        assert_eq!(text, ">pasted\nacgtacgtnnry\n", "as it was written");
        assert_eq!(pasted.notes[0], "Pasted 12 bases.");
        assert!(pasted.notes[1].starts_with("Removed 5 digits and 5 blanks"), "{}", pasted.notes[1]);
        assert!(matches!(keep_pasted("hello world", folder.path()), Err(Stop::Failed(_))), "words are refused");
    }
}
