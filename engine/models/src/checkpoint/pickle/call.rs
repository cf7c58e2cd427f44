//! What a pickle imports and calls, understood instead of done.

use super::{Import, Machine, StorageView, TensorView, Value, opcode, value::Id};
use crate::ModelError;

/// Most dimensions of a tensor, as in torch.
const MAX_DIMENSIONS: usize = 64;

/// Longest name of a storage in bytes; torch writes numbers.
const LONGEST_KEY: usize = 64;

impl Machine<'_, '_> {
    /// Instructions that import a name.
    pub(super) fn import(&mut self, opcode: u8) -> Result<bool, ModelError> {
        match opcode {
            opcode::GLOBAL => {
                let import = self.imported_by_lines()?;
                self.push(Value::Import(import));
            }
            opcode::STACK_GLOBAL => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) = (&self.values[module], &self.values[name]) else {
                    return Err(self.damaged("its pickle imports by a name that is no text"));
                };
                let import = self.allowed(module, name)?;
                self.push(Value::Import(import));
            }
            opcode::INST => {
                let import = self.imported_by_lines()?;
                let arguments = self.since_mark()?;
                self.call(import, &arguments)?;
            }
            opcode::EXT1 | opcode::EXT2 | opcode::EXT4 => {
                let code = self.length(1 << (opcode - opcode::EXT1))?;
                return Err(self.bytes.unsafe_import(self.at, format!("extension {code} of copyreg")));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn imported_by_lines(&mut self) -> Result<Import, ModelError> {
        let (module, name) = (self.bytes.line()?, self.bytes.line()?);
        self.allowed(&module, &name)
    }

    fn allowed(&self, module: &str, name: &str) -> Result<Import, ModelError> {
        let refused = || self.bytes.unsafe_import(self.at, printable(&format!("{module}.{name}")));
        Import::named(module, name).ok_or_else(refused)
    }

    /// Instructions that make objects.
    pub(super) fn object(&mut self, opcode: u8) -> Result<bool, ModelError> {
        match opcode {
            opcode::REDUCE | opcode::NEWOBJ => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.call_with(callable, arguments)?;
            }
            opcode::NEWOBJ_EX => {
                let (keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                if !matches!(&self.values[keywords], Value::Dict(entries) if entries.is_empty()) {
                    return Err(self.damaged("its pickle makes an object with keywords, which is not understood"));
                }
                self.call_with(class, arguments)?;
            }
            opcode::OBJ => {
                let items = self.since_mark()?;
                let Some((&class, arguments)) = items.split_first() else {
                    return Err(self.damaged("its pickle makes an object of no class"));
                };
                self.call(self.callable(class)?, arguments)?;
            }
            opcode::BUILD => self.build()?,
            opcode::BINPERSID => self.storage()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn call_with(&mut self, callable: Id, arguments: Id) -> Result<(), ModelError> {
        let import = self.callable(callable)?;
        let Value::Tuple(arguments) = &self.values[arguments] else {
            return Err(self.damaged("its pickle calls something without a tuple of arguments"));
        };
        let arguments = arguments.clone();
        self.call(import, &arguments)
    }

    fn callable(&self, id: Id) -> Result<Import, ModelError> {
        match &self.values[id] {
            Value::Import(import) => Ok(*import),
            other => Err(self.damaged(&format!("its pickle calls {}", other.kind()))),
        }
    }

    /// Does what the call of an import would give, and pushes it.
    fn call(&mut self, import: Import, arguments: &[Id]) -> Result<(), ModelError> {
        let copied = arguments.first().and_then(|first| self.items(Some(first))).map_or(0, <[Id]>::len);
        self.spend(arguments.len() + copied)?;
        let value = match import {
            Import::OrderedDict => self.dictionary_of(arguments).map(Value::Dict),
            Import::Size => self.items(arguments.first()).map(|sizes| Value::Tuple(sizes.into())),
            Import::RebuildTensor => self.tensor_of(arguments).map(|tensor| Value::Tensor(Box::new(tensor))),
            Import::RebuildParameter => {
                let tensor = arguments.first().filter(|&&id| matches!(self.values[id], Value::Tensor(_)));
                let tensor = *tensor.ok_or_else(|| self.misused(import))?;
                self.stack.push(tensor);
                return Ok(());
            }
            Import::Storage(_) => None,
        };
        let value = value.ok_or_else(|| self.misused(import))?;
        self.push(value);
        Ok(())
    }

    fn misused(&self, import: Import) -> ModelError {
        self.damaged(&format!("its pickle calls {import:?} with arguments that are not understood"))
    }

    /// Entries of a dictionary; Python 2 hands them over as a list of pairs.
    fn dictionary_of(&self, arguments: &[Id]) -> Option<Vec<(Id, Id)>> {
        match arguments {
            [] => Some(Vec::new()),
            [pairs] => {
                let pairs = self.items(Some(pairs))?.iter();
                pairs.map(|pair| <[Id; 2]>::try_from(self.items(Some(pair))?).ok().map(Into::into)).collect()
            }
            _ => None,
        }
    }

    /// A tensor by its storage, the place of its first value in it, its shape and its strides.
    fn tensor_of(&self, arguments: &[Id]) -> Option<TensorView> {
        let [storage, offset, shape, strides, ..] = arguments else { return None };
        let Value::Storage(storage) = &self.values[*storage] else { return None };
        Some(TensorView {
            storage: StorageView::clone(storage),
            offset: self.size(*offset)?,
            shape: self.sizes(*shape)?,
            strides: self.sizes(*strides)?,
        })
    }

    /// State that is set on an object: of a dictionary it is what modules note beside their tensors (`_metadata`).
    fn build(&mut self) -> Result<(), ModelError> {
        self.pop()?;
        match &self.values[self.peek()?] {
            Value::Dict(_) => Ok(()),
            other => {
                let reason = format!("its pickle sets a state of {}, which is not understood", other.kind());
                Err(self.damaged(&reason))
            }
        }
    }

    /// A storage: what `torch.save` keeps outside the pickle.
    fn storage(&mut self) -> Result<(), ModelError> {
        let id = self.pop()?;
        let view = self.storage_view(id).ok_or_else(|| self.damaged("its pickle names a storage that is none"))?;
        self.push(Value::Storage(Box::new(view)));
        Ok(())
    }

    fn storage_view(&self, id: Id) -> Option<StorageView> {
        let [word, kind, key, _device, length, rest @ ..] = self.items(Some(&id))? else { return None };
        let (Value::Text(word), Value::Import(Import::Storage(dtype))) = (&self.values[*word], &self.values[*kind])
        else {
            return None;
        };
        let length = self.size(*length)?;
        let (start, view_length) = match rest {
            [] => (0, length),
            [view] => self.view(*view, length)?,
            _ => return None,
        };
        let view = StorageView { key: self.key(*key)?, dtype: *dtype, length, start, view_length };
        (&**word == "storage").then_some(view)
    }

    /// Where the part of a storage begins and how long it is, as the oldest files have it.
    fn view(&self, id: Id, length: usize) -> Option<(usize, usize)> {
        match &self.values[id] {
            Value::None => Some((0, length)),
            _ => {
                let [_key, start, view_length] = self.items(Some(&id))? else { return None };
                let (start, view_length) = (self.size(*start)?, self.size(*view_length)?);
                (start.checked_add(view_length)? <= length).then_some((start, view_length))
            }
        }
    }

    fn key(&self, id: Id) -> Option<String> {
        match &self.values[id] {
            Value::Text(text) => (text.len() <= LONGEST_KEY).then(|| text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    fn items(&self, id: Option<&Id>) -> Option<&[Id]> {
        match &self.values[*id?] {
            Value::Tuple(items) => Some(items),
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        let sizes = self.items(Some(&id)).filter(|sizes| sizes.len() <= MAX_DIMENSIONS)?;
        sizes.iter().map(|&size| self.size(size)).collect()
    }

    fn size(&self, id: Id) -> Option<usize> {
        match self.values[id] {
            Value::Int(number) => usize::try_from(number).ok(),
            _ => None,
        }
    }
}

/// A name for a message: short, and without what would be drawn oddly.
fn printable(name: &str) -> String {
    const LONGEST: usize = 100;
    let name: String = name.chars().filter(|letter| !letter.is_control()).collect();
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name,
    }
}
