//! Checkpoints written by hand, good and bad ones.

/// The beginning of a pickle of protocol 2.
pub(in crate::checkpoint) const PROTOCOL: &[u8] = b"\x80\x02";

/// A tensor to be written, with a storage of its own or one that others share.
#[derive(Clone)]
pub(in crate::checkpoint) struct Made {
    pub(in crate::checkpoint) name: &'static str,
    pub(in crate::checkpoint) kind: &'static str,
    pub(in crate::checkpoint) key: &'static str,
    /// Numbers of the storage.
    pub(in crate::checkpoint) length: u32,
    pub(in crate::checkpoint) offset: u32,
    pub(in crate::checkpoint) shape: &'static [u32],
    pub(in crate::checkpoint) strides: &'static [u32],
}

/// A matrix of 2 rows and 3 columns, the whole of its storage.
pub(in crate::checkpoint) const MATRIX: Made =
    Made { name: "w", kind: "FloatStorage", key: "0", length: 6, offset: 0, shape: &[2, 3], strides: &[3, 1] };

impl Made {
    /// What pushes the tensor, with `view` as the last part of its storage's description.
    pub(in crate::checkpoint) fn pickled_with(&self, view: &[u8]) -> Vec<u8> {
        let storage = [
            b"(".to_vec(),
            text("storage"),
            import("torch", self.kind),
            text(self.key),
            text("cpu"),
            int(self.length),
            view.to_vec(),
            b"tQ".to_vec(),
        ];
        let parts = [
            import("torch._utils", "_rebuild_tensor_v2"),
            b"(".to_vec(),
            storage.concat(),
            int(self.offset),
            tuple(self.shape),
            tuple(self.strides),
            b"\x89".to_vec(),
            ordered_dict(),
            b"tR".to_vec(),
        ];
        parts.concat()
    }

    pub(in crate::checkpoint) fn pickled(&self) -> Vec<u8> {
        self.pickled_with(b"")
    }
}

pub(in crate::checkpoint) fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("a short text");
    [b"X", length.to_le_bytes().as_slice(), text.as_bytes()].concat()
}

pub(in crate::checkpoint) fn int(number: u32) -> Vec<u8> {
    [b"J", number.to_le_bytes().as_slice()].concat()
}

pub(in crate::checkpoint) fn import(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

pub(in crate::checkpoint) fn ordered_dict() -> Vec<u8> {
    [import("collections", "OrderedDict"), b")R".to_vec()].concat()
}

fn tuple(numbers: &[u32]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|&number| int(number)).collect(), b"t".to_vec()].concat()
}

/// What pushes a dictionary; the values are what pushes them.
pub(in crate::checkpoint) fn dictionary(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries = entries.iter().flat_map(|(name, value)| [text(name), value.clone()].concat()).collect();
    [ordered_dict(), b"(".to_vec(), entries, b"u".to_vec()].concat()
}

/// What pushes a state dictionary.
pub(in crate::checkpoint) fn state(tensors: &[Made]) -> Vec<u8> {
    let entries: Vec<_> = tensors.iter().map(|tensor| (tensor.name, tensor.pickled())).collect();
    dictionary(&entries)
}

/// A whole pickle of what `program` pushes.
pub(in crate::checkpoint) fn pickle(program: &[u8]) -> Vec<u8> {
    [PROTOCOL, program, b"."].concat()
}

pub(in crate::checkpoint) fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// A checkpoint as `torch.save` writes it, with what pushes its value and with its storages.
pub(in crate::checkpoint) fn zipped(program: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut entries = vec![
        ("made/data.pkl".to_owned(), pickle(program)),
        ("made/byteorder".to_owned(), b"little".to_vec()),
        ("made/version".to_owned(), b"3\n".to_vec()),
    ];
    entries.extend(storages.iter().map(|(key, bytes)| (format!("made/data/{key}"), bytes.clone())));
    zip(&entries, 0)
}

/// A zip archive; its entries are said to be packed by `method`, of which 0 is not at all.
pub(in crate::checkpoint) fn zip(entries: &[(String, Vec<u8>)], method: u16) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let size = u32::try_from(bytes.len()).expect("a small entry").to_le_bytes();
        let name_length = u16::try_from(name.len()).expect("a short name").to_le_bytes();
        let at = u32::try_from(archive.len()).expect("a small archive").to_le_bytes();
        // Version, flags, method, time, date, checksum, both sizes, length of the name, and no extra field.
        let facts = [
            [20, 0, 0, 0].as_slice(),
            &method.to_le_bytes(),
            &[0, 0, 0x21, 0],
            &crc32fast::hash(bytes).to_le_bytes(),
            &size,
            &size,
            &name_length,
            &[0, 0],
        ];
        archive.extend([b"PK\x03\x04".as_slice(), &facts.concat(), name.as_bytes(), bytes].concat());
        directory.extend([b"PK\x01\x02\x14\x00".as_slice(), &facts.concat(), &[0; 10], &at, name.as_bytes()].concat());
    }
    let count = u16::try_from(entries.len()).expect("few entries").to_le_bytes();
    let size = u32::try_from(directory.len()).expect("a small archive").to_le_bytes();
    let at = u32::try_from(archive.len()).expect("a small archive").to_le_bytes();
    let end = [b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &size, &at, &[0, 0]].concat();
    [archive, directory, end].concat()
}

/// A checkpoint as `torch.save` wrote it before 1.6; of each storage its key, the number of its values and their bytes.
pub(in crate::checkpoint) fn legacy(program: &[u8], storages: &[(&str, u64, Vec<u8>)]) -> Vec<u8> {
    let keys: Vec<u8> = storages.iter().flat_map(|(key, ..)| text(key)).collect();
    let pickles = [
        pickle(b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"),
        pickle(&int(1001)),
        pickle(&[b"}(".to_vec(), text("little_endian"), b"\x88u".to_vec()].concat()),
        pickle(program),
        pickle(&[b"](".to_vec(), keys, b"e".to_vec()].concat()),
    ];
    let storages = storages.iter().flat_map(|(_, count, bytes)| [&count.to_le_bytes(), bytes.as_slice()].concat());
    pickles.concat().into_iter().chain(storages).collect()
}

/// Bytes that live as long as the program, as built-in ones do.
pub(in crate::checkpoint) fn kept(bytes: Vec<u8>) -> &'static [u8] {
    Box::leak(bytes.into_boxed_slice())
}
