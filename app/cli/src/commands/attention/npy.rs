//! Arrays in the `.npy` format of Python's numerical library (NEP 1, version 1.0).

/// A file of numbers of that shape.
pub(super) fn file(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let shape: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    // Magic, version, length and header fill whole blocks of 64 bytes; the header ends in a line end.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.extend(std::iter::repeat_n(' ', length - header.len() - 1));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_numpy_reads() {
        let bytes = file(&[2], &[1.0, 0.5]);
        assert_eq!(bytes.len(), 128 + 8, "one or two blocks and the numbers");
        let header = String::from_utf8_lossy(&bytes[10..128]).into_owned();
        assert!(header.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"), "{header}");
        assert!(header.ends_with('\n') && bytes[8..10] == [118, 0], "{header:?}");
        assert_eq!(bytes[128..132], 1.0f32.to_le_bytes(), "the first number");
    }
}
