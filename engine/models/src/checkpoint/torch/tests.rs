use std::{iter::once, slice};

use crate::checkpoint::{
    Stored,
    tests::made::{MATRIX, Made, bytes_of, dictionary, import, int, kept, legacy, pickle, state, text, zip, zipped},
};

fn open(file: Vec<u8>) -> Result<Stored, String> {
    Stored::from_bytes(kept(file), "made.bin").map_err(|error| error.to_string())
}

fn values(file: Vec<u8>, name: &str) -> Vec<f32> {
    open(file).expect("a good file").read(name).expect(name)
}

fn refusal(file: Vec<u8>) -> String {
    open(file).map(|stored| stored.tensors()).expect_err("a bad file")
}

const SIX: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

fn six() -> Vec<(&'static str, Vec<u8>)> {
    vec![("0", bytes_of(&SIX))]
}

#[test]
fn both_containers_give_the_same_tensors() {
    let bias = Made { name: "b", kind: "HalfStorage", key: "1", length: 2, shape: &[2], strides: &[1], ..MATRIX };
    let (program, halves) = (state(&[MATRIX, bias]), vec![0x00, 0x3c, 0x00, 0xc0]);
    let files = [
        zipped(&program, &[("0", bytes_of(&SIX)), ("1", halves.clone())]),
        legacy(&program, &[("1", 2, halves), ("0", 6, bytes_of(&SIX))]),
    ];
    for file in files {
        let mut stored = open(file).expect("a good file");
        let tensors = [("b".to_owned(), "F16".to_owned(), vec![2]), ("w".to_owned(), "F32".to_owned(), vec![2, 3])];
        assert_eq!(stored.tensors(), tensors, "tensors");
        assert_eq!(stored.read("w").expect("w"), SIX, "w");
        assert_eq!(stored.read("b").expect("b"), [1.0, -2.0], "b");
    }
}

#[test]
fn every_kind_of_storage_is_read() {
    let whole = |kind, bytes: Vec<u8>| {
        let tensor = Made { kind, length: 2, shape: &[2], strides: &[1], ..MATRIX };
        open(zipped(&state(&[tensor]), &[("0", bytes)])).expect(kind).read_as::<i64>("w").expect(kind)
    };
    assert_eq!(whole("LongStorage", [(-1i64).to_le_bytes(), 2i64.to_le_bytes()].concat()), [-1, 2], "I64");
    assert_eq!(whole("IntStorage", [(-1i32).to_le_bytes(), 2i32.to_le_bytes()].concat()), [-1, 2], "I32");
    assert_eq!(whole("ShortStorage", [(-1i16).to_le_bytes(), 2i16.to_le_bytes()].concat()), [-1, 2], "I16");
    assert_eq!(whole("CharStorage", vec![255, 2]), [-1, 2], "I8");
    assert_eq!(whole("ByteStorage", vec![255, 2]), [255, 2], "U8");
    assert_eq!(whole("BoolStorage", vec![1, 0]), [1, 0], "BOOL");
    let double = Made { kind: "DoubleStorage", length: 1, shape: &[], strides: &[], ..MATRIX };
    assert_eq!(values(zipped(&state(&[double]), &[("0", 2.5f64.to_le_bytes().to_vec())]), "w"), [2.5], "F64");
    let brain = Made { kind: "BFloat16Storage", length: 1, shape: &[1], strides: &[1], ..MATRIX };
    assert_eq!(values(zipped(&state(&[brain]), &[("0", vec![0x20, 0x40])]), "w"), [2.5], "BF16");
}

#[test]
fn integers_are_no_weights() {
    let mut stored = open(zipped(&state(&[Made { kind: "IntStorage", ..MATRIX }]), &six())).expect("a good file");
    let message = stored.read("w").expect_err("whole numbers").to_string();
    assert!(message.contains("w is stored as I32, which holds no weights"), "{message}");
}

#[test]
fn parts_of_a_shared_storage_are_read_in_their_order() {
    let transposed = Made { name: "transposed", shape: &[3, 2], strides: &[1, 3], ..MATRIX };
    let column = Made { name: "column", offset: 1, shape: &[2], strides: &[3], ..MATRIX };
    let row = Made { name: "row", offset: 3, shape: &[1, 3], strides: &[99, 1], ..MATRIX };
    let repeated = Made { name: "repeated", offset: 5, shape: &[2, 2], strides: &[0, 0], ..MATRIX };
    let none = Made { name: "none", shape: &[0, 3], strides: &[3, 1], ..MATRIX };
    let mut stored = open(zipped(&state(&[transposed, column, row, repeated, none]), &six())).expect("a good file");
    let mut read = |name: &str| stored.read(name).expect(name);
    assert_eq!(read("transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0], "transposed");
    assert_eq!(read("column"), [1.0, 4.0], "a column");
    assert_eq!(read("row"), [3.0, 4.0, 5.0], "a row");
    assert_eq!(read("repeated"), [5.0; 4], "one value, repeated");
    assert_eq!(read("none"), [0.0; 0], "no values");
}

/// A matrix of many pieces comes out the same from both orders.
#[test]
fn large_transposed_tensors_are_put_together_from_pieces() {
    const ROWS: u32 = 300;
    const COLUMNS: u32 = 200;
    let numbers: Vec<f32> = (0..60_000u16).map(f32::from).collect();
    let length = ROWS * COLUMNS;
    let rows = Made { name: "rows", length, shape: &[ROWS, COLUMNS], strides: &[COLUMNS, 1], ..MATRIX };
    let turned = Made { name: "turned", length, shape: &[COLUMNS, ROWS], strides: &[1, COLUMNS], ..MATRIX };
    let mut stored = open(zipped(&state(&[rows, turned]), &[("0", bytes_of(&numbers))])).expect("a good file");
    assert_eq!(stored.read("rows").expect("rows"), numbers, "rows");
    let wanted: Vec<f32> = (0..200).flat_map(|column| numbers.iter().skip(column).step_by(200).copied()).collect();
    assert_eq!(stored.read("turned").expect("turned"), wanted, "turned");
}

#[test]
fn tensors_that_do_not_lie_in_their_storage_are_refused() {
    let cases = [
        (Made { key: "7", ..MATRIX }, "storage 7 is missing"),
        (Made { length: 7, ..MATRIX }, "storage 0 has 24 bytes, too few for 7 numbers"),
        (Made { kind: "DoubleStorage", ..MATRIX }, "too few for 6 numbers"),
        (Made { offset: 1, ..MATRIX }, "reaches past the 6 numbers of storage 0"),
        (Made { shape: &[3, 3], ..MATRIX }, "reaches past"),
        (Made { strides: &[4, 1], ..MATRIX }, "reaches past"),
        (Made { strides: &[1], ..MATRIX }, "have different lengths"),
        (Made { shape: &[40_000, 40_000], strides: &[0, 0], ..MATRIX }, "larger than the file"),
        (
            Made { shape: &[0x7fff_ffff, 0x7fff_ffff, 0x7fff_ffff], strides: &[0, 0, 0], ..MATRIX },
            "larger than the file",
        ),
        (Made { shape: &[2, 3], strides: &[0x7fff_ffff, 0x7fff_ffff], ..MATRIX }, "reaches past"),
        (Made { shape: &[u32::MAX, 3], ..MATRIX }, "arguments that are not understood"),
    ];
    for (tensor, reason) in cases {
        let message = refusal(zipped(&state(&[tensor]), &six()));
        assert!(message.contains(reason) && message.contains("made.bin"), "{reason}: {message}");
        assert!(message.contains("tensor w") || message.contains("byte"), "{message} says where");
    }
}

#[test]
fn dictionaries_of_trainers_are_understood() {
    let tensors = || state(&[MATRIX]);
    let optimizer = || dictionary(&[("lr", b"G\0\0\0\0\0\0\0\0".to_vec()), ("state", b"]".to_vec())]);
    for wrapper in ["model_state_dict", "state_dict", "model"] {
        let program = dictionary(&[("epoch", int(3)), ("optimizer", optimizer()), (wrapper, tensors())]);
        assert_eq!(values(zipped(&program, &six()), "w"), SIX, "{wrapper}");
    }
    let noted = dictionary(&[("step", int(5)), ("name", text("x")), ("none", b"N".to_vec()), ("w", MATRIX.pickled())]);
    assert_eq!(open(zipped(&noted, &six())).expect("a good file").tensors().len(), 1, "numbers and texts are left out");
    let refused = [
        (dictionary(&[("model", tensors()), ("state_dict", tensors())]), "tensors under more than one of"),
        (dictionary(&[("optimizer", tensors())]), "holds no tensors, neither itself nor under model_state_dict"),
        (dictionary(&[("w", MATRIX.pickled()), ("optimizer", optimizer())]), "holds a dictionary named optimizer"),
        (dictionary(&[("w", MATRIX.pickled()), ("w", MATRIX.pickled())]), "two tensors named w"),
        ([b"}".to_vec(), int(1), MATRIX.pickled(), b"s".to_vec()].concat(), "whose name is no text"),
        (MATRIX.pickled(), "holds a tensor, no dictionary"),
        (dictionary(&[]), "holds no tensors"),
    ];
    for (program, reason) in refused {
        let message = refusal(zipped(&program, &six()));
        assert!(message.contains(reason), "{reason}: {message}");
    }
}

#[test]
fn modules_note_what_they_like_beside_their_tensors() {
    let noted =
        [b"}".to_vec(), text("_metadata"), dictionary(&[("", dictionary(&[("version", int(1))]))]), b"sb".to_vec()];
    assert_eq!(values(zipped(&[state(&[MATRIX]), noted.concat()].concat(), &six()), "w"), SIX, "_metadata");
    let parameter = [
        import("torch._utils", "_rebuild_parameter"),
        b"(".to_vec(),
        MATRIX.pickled(),
        b"\x88".to_vec(),
        dictionary(&[]),
        b"tR".to_vec(),
    ];
    assert_eq!(values(zipped(&dictionary(&[("w", parameter.concat())]), &six()), "w"), SIX, "a parameter");
}

#[test]
fn archives_that_torch_does_not_write_are_refused() {
    let entry = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    let (data, numbers) = (entry("made/data.pkl", &pickle(&state(&[MATRIX]))), entry("made/data/0", &bytes_of(&SIX)));
    let cases = [
        (zip(&[data.clone(), numbers.clone()], 8), "made/data.pkl in it is compressed"),
        (zip(&[data.clone(), numbers.clone(), entry("made/byteorder", b"big")], 0), "not little-endian"),
        (zip(slice::from_ref(&numbers), 0), "not just one folder with a data.pkl"),
        (zip(&[data.clone(), entry("other/data.pkl", &[]), numbers.clone()], 0), "not just one folder"),
        (zip(&[data.clone(), data.clone(), numbers.clone()], 0), "two entries have one name"),
    ];
    for (file, reason) in cases {
        let message = refusal(file);
        assert!(message.contains(reason), "{reason}: {message}");
    }
    assert_eq!(values(zip(&[numbers, data], 0), "w"), SIX, "in another order, and without its byte order");
    let mut file = zipped(&state(&[MATRIX]), &six());
    file[60] ^= 1;
    assert!(refusal(file).contains("checksum of made/data.pkl"), "a flipped bit");
}

#[test]
fn parts_of_storages_are_found_as_the_oldest_files_name_them() {
    let view = |start, length| [b"(".to_vec(), text("9"), int(start), int(length), b"t".to_vec()].concat();
    let pair = Made { shape: &[2], strides: &[1], ..MATRIX };
    let file = |view: &[u8]| legacy(&dictionary(&[("w", pair.pickled_with(view))]), &[("0", 6, bytes_of(&SIX))]);
    assert_eq!(values(file(b"N"), "w"), [0.0, 1.0], "the whole storage");
    assert_eq!(values(file(&view(3, 2)), "w"), [3.0, 4.0], "a part of it");
    assert!(refusal(file(&view(3, 1))).contains("reaches past the 1 numbers"), "a part that is too short");
    assert!(refusal(file(&view(3, 4))).contains("names a storage that is none"), "a part past the end");
}

#[test]
fn damaged_legacy_files_are_refused() {
    let program = state(&[MATRIX]);
    let cases = [
        (legacy(&program, &[("0", 5, bytes_of(&SIX))]), "has 5 numbers, its tensors are parts of 6"),
        (legacy(&program, &[("0", u64::MAX, bytes_of(&SIX))]), "its tensors are parts of 6"),
        (legacy(&program, &[]), "storage 0 is missing"),
        (legacy(&program, &[("0", 6, bytes_of(&SIX)), ("1", 0, Vec::new())]), "no tensor tells the size of storage 1"),
        (legacy(&program, &[("0", 6, [bytes_of(&SIX), vec![0]].concat())]), "something behind the storages"),
        (pickle(&program), "not the magic number"),
    ];
    for (file, reason) in cases {
        let message = refusal(file);
        assert!(message.contains(reason), "{reason}: {message}");
    }
    let mut file = legacy(&program, &[("0", 6, bytes_of(&SIX))]);
    let at = file.windows(13).position(|bytes| bytes == b"little_endian").expect("the fact") + 13;
    file[at] = 0x89;
    assert!(refusal(file).contains("not little-endian"), "numbers of another machine");
}

/// A file that ends early is refused, wherever it ends; one with a changed byte gives any answer but a panic.
#[test]
fn damage_at_every_byte_is_survived() {
    let strided = Made { name: "strided", shape: &[3, 2], strides: &[1, 3], ..MATRIX };
    let program = state(&[MATRIX, strided]);
    for good in [zipped(&program, &six()), legacy(&program, &[("0", 6, bytes_of(&SIX))])] {
        open(good.clone()).expect("a good file");
        for length in 0..good.len() {
            assert!(open(good[..length].to_vec()).is_err(), "the first {length} of {} bytes", good.len());
        }
        for at in 0..good.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut file = good.clone();
                file[at] ^= change;
                let Ok(mut stored) = open(file) else { continue };
                for (name, ..) in stored.tensors() {
                    let _ = stored.read(&name);
                }
            }
        }
    }
}

#[test]
fn a_file_that_holds_nothing_of_torch_is_refused() {
    let files = [Vec::new(), b"hello".to_vec(), b"PK\x03\x04".to_vec(), b"PK\x05\x06".to_vec(), vec![0; 1000]];
    for file in files.into_iter().chain(once(vec![0xff; 1000])) {
        assert!(refusal(file).contains("made.bin"), "the file is named");
    }
}
