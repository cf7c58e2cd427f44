//! What a file is that is not FASTA.

/// What the first bytes show, where they show something other than FASTA: the reason and the remedy.
///
/// `text` begins at the first byte that is not blank.
pub(crate) fn not_fasta(text: &[u8]) -> (String, &'static str) {
    const GIVE_FASTA: &str = "give a FASTA file, whose records begin with a '>' header line";
    let known = [
        (&b"\x89PNG"[..], "it is a PNG picture, not FASTA", GIVE_FASTA),
        (b"PK\x03\x04", "it is a ZIP archive, not FASTA", "unpack it and give the FASTA file in it"),
        (b"BZh", "it is packed with bzip2, which is not supported", "unpack it with bunzip2"),
        (b"\xfd7zXZ\0", "it is packed with xz, which is not supported", "unpack it with unxz"),
        (b"\x28\xb5\x2f\xfd", "it is packed with zstd, which is not supported", "unpack it with unzstd"),
        (b"%PDF", "it is a PDF document, not FASTA", GIVE_FASTA),
        (
            b"@",
            "it begins with '@' as FASTQ does, and FASTA has '>' there",
            "convert it, for example with seqtk seq -a",
        ),
        (b"ID   ", "it is an EMBL file, not FASTA", "export it as FASTA"),
        (b"version https://git-lfs", "it is a Git LFS pointer, not the FASTA file itself", "run git lfs pull"),
        (b"##fileformat=VCF", "it is a VCF file, not FASTA", GIVE_FASTA),
        (b"##gff", "it is a GFF file, not FASTA", GIVE_FASTA),
        (b"<", "it begins with '<' as a web page (HTML) does, not with a FASTA header", "download the file again"),
        (b";", "it begins with a ';' comment, and FASTA headers begin with '>'", "take the comment lines out"),
    ];
    for (start, reason, remedy) in known {
        if text.starts_with(start) {
            return (reason.to_owned(), remedy);
        }
    }
    match text.first() {
        Some(&byte) if byte.is_ascii_graphic() => {
            let begin = char::from(byte);
            (format!("it begins with '{begin}', and a FASTA file begins with a '>' header line"), GIVE_FASTA)
        }
        _ => ("it is binary data, not FASTA, which begins with a '>' header line".to_owned(), GIVE_FASTA),
    }
}

/// Whether the text is in a wide encoding, by its byte-order mark or by the zeros beside its first letter.
pub(crate) fn wide_encoding(text: &[u8]) -> Option<&'static str> {
    match text {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [b'>', 0, 0, 0, ..] | [0, 0, 0, b'>', ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'>', 0, ..] | [0, b'>', ..] => Some("UTF-16"),
        _ => None,
    }
}
