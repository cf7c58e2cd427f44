//! Cards of heads that their user edits.

use std::path::Path;

use serde_json::{Map, Value};
use strandscope_models::{
    ModelError, builtin,
    card::HeadCard,
    folder::{CARD, CHECKPOINT_CARD, Folder},
};

use super::{files::FileTasks, library::write};
use crate::{
    EditCardRequest, ErrorKind, JobError, OpenedCard, Outcome,
    card_edit::{CardFault, WindowLengths},
    engine::Stop,
};

impl FileTasks {
    /// The card of a head of the library as it is on disk now.
    pub(super) fn open_card(&mut self, name: &str) -> Result<Outcome, Stop> {
        let Some(path) = self.known.installation.find(name) else { return Err(not_in_library(name)) };
        Ok(Outcome::Card(self.opened(&path)?))
    }

    /// Puts what was edited into the card of a head, if all of it is right.
    pub(super) fn edit_card(&mut self, request: EditCardRequest) -> Result<Outcome, Stop> {
        let EditCardRequest { name, edit } = request;
        let installation = self.known.installation.clone();
        if installation.find(&name).is_none() {
            return Err(not_in_library(&name));
        }
        let path = installation.change(&name, |folder| {
            let OpenedCard { card, path, windows } = self.opened(folder)?;
            let edit = edit.tidied();
            if let Some(fault) = edit.faults(&card, windows).first() {
                return Err(Stop::from(refused(&path, fault)));
            }
            // What the card says beside what is known here is somebody's own, and stays.
            let mut written: Map<String, Value> = read(&Folder::Disk(folder.to_owned()), file_of(folder))?;
            let card =
                serde_json::to_value(edit.onto(card)).map_err(|error| JobError::of(ErrorKind::Runtime, &error))?;
            written.extend(card.as_object().cloned().unwrap_or_default());
            write(&path, &written)?;
            Ok(path)
        })?;
        Ok(Outcome::Written { paths: vec![path], notes: vec![format!("The card of {name} is saved")] })
    }

    fn opened(&mut self, path: &Path) -> Result<OpenedCard, Stop> {
        let (folder, file) = (Folder::Disk(path.to_owned()), file_of(path));
        let card: HeadCard = read(&folder, file)?;
        let windows = self.windows(&folder, &card)?;
        Ok(OpenedCard { card, path: path.join(file), windows })
    }

    /// What the network of a head reads at once, as far as its model is known here.
    fn windows(&mut self, folder: &Folder, card: &HeadCard) -> Result<WindowLengths, Stop> {
        if card.context_bp.is_some() {
            // A stretch and its contexts are as long as they were in training.
            return Ok(WindowLengths::fixed(card.input_length_bp));
        }
        let model = if folder.is_head() {
            if let Some(length_bp) = folder.head_config()?.fixed_length_bp() {
                return Ok(WindowLengths::fixed(length_bp as u64));
            }
            self.known.model_beneath(card)?
        } else {
            Some(folder.clone())
        };
        let mut most_bp = None;
        if let Some(model) = model
            && let Some(tokens) = model.config()?.most_tokens()
        {
            most_bp = Some(self.tokenizer.of(&model)?.tokenizer.roomy_bp(tokens as u64));
        }
        Ok(WindowLengths::up_to(most_bp, card.input_length_bp))
    }
}

/// Where the card of a head is: a fine-tuned checkpoint has that of its classes beside its own.
fn file_of(folder: &Path) -> &'static str {
    if Folder::Disk(folder.to_owned()).is_head() { CARD } else { CHECKPOINT_CARD }
}

fn read<T: serde::de::DeserializeOwned>(folder: &Folder, file: &'static str) -> Result<T, ModelError> {
    serde_json::from_slice(&folder.read(file)?).map_err(|error| ModelError::Json {
        what: file,
        origin: folder.origin(file),
        reason: error.to_string(),
    })
}

fn refused(path: &Path, fault: &CardFault) -> JobError {
    let message = format!("the card was not saved, {}: {fault}", path.display());
    JobError::new(ErrorKind::BadInput, message)
}

fn not_in_library(name: &str) -> Stop {
    if builtin::heads().iter().any(|head| head.name() == name) {
        let message = format!("the card of {name} cannot be edited: the head is built into this program");
        return JobError::new(ErrorKind::BadInput, message).into();
    }
    let message =
        format!("the card of {name} cannot be edited: the library has no head of this name. Import its folder first");
    JobError::new(ErrorKind::BadInput, message).into()
}
