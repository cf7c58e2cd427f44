use std::thread;

use super::*;
use crate::checkpoint::tests::made::{PROTOCOL, dictionary, import, int, ordered_dict, pickle, text};

fn read(pickle: &[u8]) -> Result<Pickle, ModelError> {
    Pickle::read(&mut Bytes::new(pickle, pickle.len() as u64, "made.bin", None))
}

fn refusal(pickle: &[u8]) -> String {
    match read(pickle) {
        Ok(pickle) => panic!("{} was read", pickle.top().kind()),
        Err(error) => error.to_string(),
    }
}

/// Names that may never be imported, whatever the instruction that would.
const FORBIDDEN: [(&str, &str); 16] = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("__builtin__", "exec"),
    ("runpy", "_run_code"),
    ("torch", "load"),
    ("torch", "Tensor"),
    ("torch.storage", "_load_from_bytes"),
    ("torch._utils", "_rebuild_qtensor"),
    ("torch.nn.modules.linear", "Linear"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("collections", "namedtuple"),
    ("collections.OrderedDict", ""),
];

#[test]
fn forbidden_imports_are_refused_by_every_instruction() {
    for (module, name) in FORBIDDEN {
        let by_stack = [text(module), text(name), b"\x93".to_vec()].concat();
        let programs = [
            (0, import(module, name)),
            (by_stack.len() - 1, by_stack),
            (1, format!("(i{module}\n{name}\n").into_bytes()),
            (1, [b"(".to_vec(), import(module, name), b"o".to_vec()].concat()),
        ];
        for (at, program) in programs {
            let message = refusal(&pickle(&program));
            let place = format!("at byte {} its pickle imports {module}.{name}", PROTOCOL.len() + at);
            assert!(message.contains(&place) && message.contains("made.bin"), "{module}.{name}: {message}");
        }
    }
    for program in [b"\x82\x01".as_slice(), b"\x83\x01\x02", b"\x84\x01\x02\x03\x04"] {
        assert!(refusal(&pickle(program)).contains("imports extension"), "extensions are imports");
    }
}

#[test]
fn control_characters_do_not_reach_messages() {
    let message = refusal(&pickle(&[text("o\n\x1b[2Js"), text(&"x".repeat(1000)), b"\x93".to_vec()].concat()));
    assert!(!message.contains('\x1b') && !message.contains('\n') && message.len() < 500, "{message}");
}

#[test]
fn depth_costs_no_stack() {
    for depth in [1_000, 100_000, 1_000_000] {
        let nested = [
            pickle(&[b"N".to_vec(), vec![opcode::TUPLE1; depth]].concat()),
            pickle(&[vec![opcode::EMPTY_LIST; depth], vec![opcode::APPEND; depth - 1]].concat()),
            pickle(&[vec![opcode::MARK; depth], vec![opcode::TUPLE; depth]].concat()),
            pickle(&[b"}".to_vec(), b"N}".repeat(depth / 2), vec![opcode::SETITEM; depth / 2]].concat()),
        ];
        // A stack so small that reading or dropping one value inside the other would overflow it.
        let read_all = move || nested.iter().map(|pickle| read(pickle).is_ok()).collect::<Vec<_>>();
        let thread = thread::Builder::new().stack_size(64 << 10).spawn(read_all).expect("a thread");
        assert_eq!(thread.join().expect("no overflow"), [true, true, true, true], "{depth} deep");
    }
}

#[test]
fn too_many_steps_are_refused() {
    let endless = pickle(&vec![opcode::NONE; MAX_STEPS]);
    assert!(refusal(&endless).contains("takes more than 2097152 steps"), "instructions are counted");
    // A list of a thousand pairs, made a dictionary again and again.
    let pairs: Vec<u8> = [b"](".to_vec(), b"NN\x86".repeat(1000), b"e\x85q\x00".to_vec()].concat();
    let again = [import("collections", "OrderedDict"), b"h\x00R".to_vec()].concat().repeat(3000);
    assert!(refusal(&pickle(&[pairs, again].concat())).contains("steps"), "copies are counted");
}

#[test]
fn lengths_past_the_end_reserve_nothing() {
    for program in [
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(),
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"X\xff\xff\xff\xff",
        b"B\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\x7f",
    ] {
        let message = refusal(program);
        assert!(message.contains("truncated"), "{message}");
    }
}

/// Every instruction on an empty stack, on a mark, and on values of every kind ends in an answer.
#[test]
fn no_instruction_panics() {
    let values = [b"N".to_vec(), b"K\x05".to_vec(), text("a"), b"]".to_vec(), b"}".to_vec(), b")".to_vec()];
    let imports = [ordered_dict(), import("torch", "FloatStorage"), import("torch._utils", "_rebuild_tensor_v2")];
    let mut stacks: Vec<Vec<u8>> = values.iter().chain(&imports).cloned().collect();
    let pairs: Vec<Vec<u8>> =
        stacks.iter().flat_map(|one| stacks.iter().map(move |two| [one.clone(), two.clone()].concat())).collect();
    stacks.extend(pairs);
    stacks.extend([Vec::new(), b"(".to_vec(), b"((".to_vec()]);
    for opcode in 0..=u8::MAX {
        for stack in &stacks {
            for rest in [b".".as_slice(), b"\n\n.", b"\x00\x00\x00\x00\x00\x00\x00\x00.", b"\xff\xff\xff\xff."] {
                let _ = read(&[stack, [opcode].as_slice(), rest].concat());
            }
        }
    }
}

#[test]
fn values_of_old_protocols_are_read() {
    let is_number = |pickle: &[u8], number| read(pickle).expect("a number").is_number(number);
    assert!(is_number(b"I-7\n.", -7), "INT");
    assert!(is_number(b"L119547037146038801333356L\n.", 0x1950_a86a_20f9_469c_fc6c), "LONG");
    assert!(is_number(b"\x80\x02\x8a\x01\xff.", -1), "LONG1");
    assert!(is_number(b"\x80\x02\x8a\x00.", 0), "LONG1 of no bytes");
    assert!(matches!(read(b"I01\n.").expect("a truth value").top(), Value::Bool(true)), "True of protocol 0");
    assert!(matches!(read(b"F1.5\n.").expect("a number").top(), Value::Number), "FLOAT");
    assert!(refusal(b"S'a'\nI1\nI2\ns.").contains("sets an entry of a text"), "a text has no entries");
    let pickle = read(b"(dp0\nS'weight'\np1\nI1\nsVbias\nI2\ns.").expect("a dictionary");
    let Value::Dict(entries) = pickle.top() else { panic!("a dictionary") };
    let names: Vec<_> = entries.iter().map(|&(name, _)| pickle.text(name)).collect();
    assert_eq!(names, [Some("weight"), Some("bias")], "names");
}

#[test]
fn ordered_dictionaries_of_pairs_are_read() {
    let pairs = [b"](".to_vec(), b"](".to_vec(), text("a"), int(1), b"ee\x85R".to_vec()].concat();
    let pickle = read(&pickle(&[import("collections", "OrderedDict"), pairs].concat())).expect("a dictionary");
    assert!(matches!(pickle.top(), Value::Dict(entries) if pickle.text(entries[0].0) == Some("a")), "its entry");
}

#[test]
fn the_newest_protocol_is_read() {
    // Frames, memo numbers that are counted, and imports by names on the stack.
    let program =
        b"\x80\x05\x95\x2a\0\0\0\0\0\0\0\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\x01ah\x01s.";
    let pickle = read(program).expect("a dictionary");
    let Value::Dict(entries) = pickle.top() else { panic!("a dictionary") };
    assert_eq!(pickle.text(entries[0].1), Some("OrderedDict"), "the second memo");
    assert!(refusal(b"\x80\x06N.").contains("protocol 6"), "a protocol not known yet");
}

#[test]
fn a_state_is_set_on_dictionaries_alone() {
    let metadata = [dictionary(&[("a", int(1))]), b"}".to_vec(), text("_metadata"), ordered_dict(), b"sb".to_vec()];
    assert!(matches!(read(&pickle(&metadata.concat())).expect("a dictionary").top(), Value::Dict(_)), "of a module");
    assert!(refusal(&pickle(b"]}b")).contains("sets a state of a list"), "of a list");
}
