//! A pickle machine that runs no code: it knows the values that checkpoints are made of, and nothing else.
//!
//! A pickle is a program for a machine with a stack and a memo; `Lib/pickletools.py` of Python describes it.
//! In Python some of its instructions import and call whatever the file names. Here a name that is not on a short list
//! ends reading, and what is on the list is not called but understood: `collections.OrderedDict` is a dictionary, and
//! `torch._utils._rebuild_tensor_v2` says where a tensor lies.
//!
//! Values lie in one list and hold each other by number, so that depth costs nothing: reading and dropping them never
//! recurses. What they take in memory is bounded by the number of instructions and of bytes that are read.

mod bytes;
mod call;
mod opcode;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

pub(super) use bytes::{Bytes, MAX_PICKLE_BYTES};
pub(super) use value::{Id, Import, StorageView, TensorView, Value};

use crate::ModelError;

/// How many instructions are followed, and values copied by them; a tensor of a state dictionary takes about 25.
const MAX_STEPS: usize = 1 << 21;

/// Newest protocol.
const MAX_PROTOCOL: u8 = 5;

/// The values of a pickle.
pub(super) struct Pickle {
    values: Vec<Value>,
    top: Id,
}

impl Pickle {
    /// Reads one pickle, and nothing behind it.
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Result<Self, ModelError> {
        let (values, stack, marks, memo) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
        Machine { bytes, at: 0, steps_left: MAX_STEPS, values, stack, marks, memo }.run()
    }

    /// The value that was pickled.
    pub(super) fn top(&self) -> &Value {
        &self.values[self.top]
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    /// Whether the value that was pickled is this number.
    pub(super) fn is_number(&self, number: i128) -> bool {
        matches!(self.top(), Value::Int(top) if *top == number)
    }

    /// A text, or `None` where the value is something else.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

struct Machine<'m, 'b> {
    bytes: &'m mut Bytes<'b>,
    /// Byte of the instruction that is followed.
    at: u64,
    steps_left: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl Machine<'_, '_> {
    fn run(mut self) -> Result<Pickle, ModelError> {
        loop {
            self.at = self.bytes.position();
            self.spend(1)?;
            let opcode = self.bytes.byte()?;
            if opcode == opcode::STOP {
                let top = self.pop()?;
                return Ok(Pickle { values: self.values, top });
            }
            self.step(opcode)?;
        }
    }

    /// Counts instructions, and values that they copy, against the most that is read.
    fn spend(&mut self, steps: usize) -> Result<(), ModelError> {
        let left = self.steps_left.checked_sub(steps);
        self.steps_left =
            left.ok_or_else(|| self.bytes.unread(format!("its pickle takes more than {MAX_STEPS} steps")))?;
        Ok(())
    }

    fn step(&mut self, opcode: u8) -> Result<(), ModelError> {
        let known = self.constant(opcode)?
            || self.text(opcode)?
            || self.container(opcode)?
            || self.stack(opcode)?
            || self.memo(opcode)?
            || self.import(opcode)?
            || self.object(opcode)?;
        if known { Ok(()) } else { Err(self.damaged(&format!("its pickle has the unknown opcode {opcode:#04x}"))) }
    }

    fn constant(&mut self, opcode: u8) -> Result<bool, ModelError> {
        let value = match opcode {
            opcode::NONE => Value::None,
            opcode::NEWTRUE => Value::Bool(true),
            opcode::NEWFALSE => Value::Bool(false),
            opcode::BININT => Value::Int(i32::from_le_bytes(self.bytes.array()?).into()),
            opcode::BININT1 => Value::Int(self.bytes.byte()?.into()),
            opcode::BININT2 => Value::Int(u16::from_le_bytes(self.bytes.array()?).into()),
            opcode::LONG1 | opcode::LONG4 => {
                let length = self.length(if opcode == opcode::LONG1 { 1 } else { 4 })?;
                whole_number(&self.bytes.take(length)?)
            }
            opcode::INT | opcode::LONG => self.decimal()?,
            opcode::FLOAT => {
                self.bytes.line()?;
                Value::Number
            }
            opcode::BINFLOAT => {
                self.bytes.array::<8>()?;
                Value::Number
            }
            _ => return Ok(false),
        };
        self.push(value);
        Ok(true)
    }

    fn decimal(&mut self) -> Result<Value, ModelError> {
        let line = self.bytes.line()?;
        let digits = line.strip_suffix('L').unwrap_or(&line);
        match (line.as_str(), digits.parse()) {
            // So protocols 0 and 1 write False and True.
            ("00", _) => Ok(Value::Bool(false)),
            ("01", _) => Ok(Value::Bool(true)),
            (_, Ok(number)) => Ok(Value::Int(number)),
            (_, Err(_)) if !digits.is_empty() && digits.trim_start_matches('-').bytes().all(|d| d.is_ascii_digit()) => {
                Ok(Value::Number)
            }
            _ => Err(self.damaged("its pickle has a number that is none")),
        }
    }

    fn text(&mut self, opcode: u8) -> Result<bool, ModelError> {
        let value = match opcode {
            opcode::STRING => {
                let line = self.bytes.line()?;
                let quoted = ['\'', '"'].iter().find_map(|&quote| line.strip_prefix(quote)?.strip_suffix(quote));
                unescaped(quoted.ok_or_else(|| self.damaged("its pickle has a text without quotes"))?)
            }
            opcode::UNICODE => unescaped(&self.bytes.line()?),
            opcode::SHORT_BINSTRING | opcode::SHORT_BINUNICODE => self.counted(1)?,
            opcode::BINSTRING | opcode::BINUNICODE => self.counted(4)?,
            opcode::BINUNICODE8 => self.counted(8)?,
            opcode::SHORT_BINBYTES | opcode::BINBYTES | opcode::BINBYTES8 | opcode::BYTEARRAY8 => {
                let width = match opcode {
                    opcode::SHORT_BINBYTES => 1,
                    opcode::BINBYTES => 4,
                    _ => 8,
                };
                let length = self.length(width)?;
                self.bytes.take(length)?;
                Value::Bytes
            }
            _ => return Ok(false),
        };
        self.push(value);
        Ok(true)
    }

    /// A text with its length before it, a number of `width` bytes.
    fn counted(&mut self, width: u64) -> Result<Value, ModelError> {
        let length = self.length(width)?;
        let text = String::from_utf8(self.bytes.take(length)?);
        Ok(text.map_or(Value::Bytes, |text| Value::Text(text.into())))
    }

    fn length(&mut self, width: u64) -> Result<u64, ModelError> {
        let bytes = self.bytes.take(width)?;
        Ok(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    fn container(&mut self, opcode: u8) -> Result<bool, ModelError> {
        match opcode {
            opcode::EMPTY_TUPLE => self.push(Value::Tuple(Box::default())),
            opcode::TUPLE1 => self.tuple(1)?,
            opcode::TUPLE2 => self.tuple(2)?,
            opcode::TUPLE3 => self.tuple(3)?,
            opcode::TUPLE | opcode::FROZENSET => {
                let items = self.since_mark()?;
                self.push(Value::Tuple(items.into()));
            }
            opcode::EMPTY_LIST | opcode::EMPTY_SET => self.push(Value::List(Vec::new())),
            opcode::LIST => {
                let items = self.since_mark()?;
                self.push(Value::List(items));
            }
            opcode::APPEND => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            opcode::APPENDS | opcode::ADDITEMS => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            opcode::EMPTY_DICT => self.push(Value::Dict(Vec::new())),
            opcode::DICT => {
                let items = self.since_mark()?;
                self.push(Value::Dict(Vec::new()));
                self.set(&items)?;
            }
            opcode::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])?;
            }
            opcode::SETITEMS => {
                let items = self.since_mark()?;
                self.set(&items)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn tuple(&mut self, count: usize) -> Result<(), ModelError> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Box<[Id]>, _>>()?;
        items.reverse();
        self.push(Value::Tuple(items));
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), ModelError> {
        let list = self.peek()?;
        match &mut self.values[list] {
            Value::List(list) => list.extend(items),
            other => {
                let reason = format!("its pickle appends to {}", other.kind());
                return Err(self.damaged(&reason));
            }
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), ModelError> {
        let ([..], []) = items.as_chunks::<2>() else {
            return Err(self.damaged("its pickle has a key without a value"));
        };
        let dictionary = self.peek()?;
        match &mut self.values[dictionary] {
            Value::Dict(entries) => entries.extend(items.as_chunks().0.iter().map(|&[key, value]| (key, value))),
            other => {
                let reason = format!("its pickle sets an entry of {}", other.kind());
                return Err(self.damaged(&reason));
            }
        }
        Ok(())
    }

    fn stack(&mut self, opcode: u8) -> Result<bool, ModelError> {
        match opcode {
            opcode::MARK => self.marks.push(self.stack.len()),
            opcode::POP if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            opcode::POP => {
                self.pop()?;
            }
            opcode::POP_MARK => {
                self.since_mark()?;
            }
            opcode::DUP => {
                let top = self.peek()?;
                self.stack.push(top);
            }
            opcode::PROTO => {
                let protocol = self.bytes.byte()?;
                if protocol > MAX_PROTOCOL {
                    return Err(self.damaged(&format!("its pickle is of protocol {protocol}, which is not known")));
                }
            }
            opcode::FRAME => {
                self.bytes.array::<8>()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn memo(&mut self, opcode: u8) -> Result<bool, ModelError> {
        let index = match opcode {
            opcode::MEMOIZE => self.memo.len() as u64,
            opcode::PUT | opcode::GET => {
                let line = self.bytes.line()?;
                line.parse().map_err(|_| self.damaged("its pickle has a memo number that is none"))?
            }
            opcode::BINPUT | opcode::BINGET => self.length(1)?,
            opcode::LONG_BINPUT | opcode::LONG_BINGET => self.length(4)?,
            _ => return Ok(false),
        };
        if matches!(opcode, opcode::GET | opcode::BINGET | opcode::LONG_BINGET) {
            let Some(&value) = self.memo.get(&index) else {
                return Err(self.damaged(&format!("its pickle gets memo {index}, which was not put")));
            };
            self.stack.push(value);
        } else {
            let top = self.peek()?;
            self.memo.insert(index, top);
        }
        Ok(true)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    /// The value on top, where no mark lies above it.
    fn peek(&self) -> Result<Id, ModelError> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = self.stack.get(floor..).and_then(|values| values.last());
        top.copied().ok_or_else(|| self.damaged("its pickle takes a value from an empty stack"))
    }

    fn pop(&mut self) -> Result<Id, ModelError> {
        let top = self.peek()?;
        self.stack.pop();
        Ok(top)
    }

    /// Everything above the last mark, which goes as well.
    fn since_mark(&mut self) -> Result<Vec<Id>, ModelError> {
        let mark = self.marks.pop().ok_or_else(|| self.damaged("its pickle looks for a mark that was not set"))?;
        Ok(self.stack.split_off(mark))
    }

    fn damaged(&self, reason: &str) -> ModelError {
        self.bytes.damaged(self.at, reason)
    }
}

/// A whole number in two's complement, the least byte first.
fn whole_number(bytes: &[u8]) -> Value {
    let sign = bytes.last().map_or(0, |&last| if last < 0x80 { 0 } else { 0xff });
    let mut wide = [sign; 16];
    match wide.get_mut(..bytes.len()) {
        Some(low) => low.copy_from_slice(bytes),
        None => return Value::Number,
    }
    Value::Int(i128::from_le_bytes(wide))
}

/// A text of protocol 0. One with escapes is no name of a tensor, so that it need not be read.
fn unescaped(text: &str) -> Value {
    if text.contains('\\') { Value::Bytes } else { Value::Text(text.into()) }
}
