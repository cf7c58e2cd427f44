//! The user's library: what is fetched, imported and removed.

use std::path::{Path, PathBuf};

use strandscope_worker::{GetRequest, ImportRequest, ModelLook, Task};

use super::{
    Order, State,
    work::{Purpose, Running},
};

impl State {
    /// Fetches a published model.
    pub(crate) fn get_model(&mut self, name: &str) {
        let request = GetRequest { name: name.to_owned(), endpoint: None, force: false };
        self.change_library(Purpose::Fetch, Task::GetModel(request));
    }

    /// Asks what a folder holds, or the folder of a file of weights, before it is added.
    pub(crate) fn look_at_model(&mut self, path: PathBuf) {
        self.change_library(Purpose::Look, Task::LookAtModel { path });
    }

    /// It is known what a folder holds: it is shown beside what is in the library.
    pub(super) fn on_looked(&mut self, look: ModelLook) {
        self.forget_look(&look.folder);
        self.looked.push(look);
        self.show_models = true;
    }

    /// A folder is not to be added.
    pub(crate) fn forget_look(&mut self, folder: &Path) {
        self.looked.retain(|look| look.folder != folder);
    }

    /// Copies a folder into the library.
    pub(crate) fn import_model(&mut self, folder: PathBuf) {
        self.forget_look(&folder);
        let request = ImportRequest { folder, name: None, force: false };
        self.change_library(Purpose::Import, Task::ImportModel(request));
    }

    /// Takes a model out of the library; if its head is picked, another one is.
    pub(crate) fn remove_model(&mut self, name: &str) {
        self.drop_kept(name);
        if self.head.as_deref() == Some(name) {
            let heads = self.library.iter().flat_map(|library| &library.heads);
            let other = heads.map(|entry| entry.card.name.clone()).find(|head| head != name);
            if let Some(other) = other {
                self.pick_head(&other);
            }
        }
        self.change_library(Purpose::Remove, Task::RemoveModel { name: name.to_owned() });
    }

    fn change_library(&mut self, purpose: Purpose, task: Task) {
        self.library_failure = None;
        self.message = None;
        self.order(purpose, task);
    }

    /// What is being fetched, looked at or imported.
    pub(crate) fn library_job(&self) -> Option<&Running> {
        self.jobs.running(|purpose| matches!(purpose, Purpose::Fetch | Purpose::Look | Purpose::Import))
    }

    /// Stops fetching and importing; what was fetched is kept for another try.
    pub(crate) fn cancel_library(&mut self) {
        let jobs = self.jobs.cancel(|purpose| matches!(purpose, Purpose::Fetch | Purpose::Look | Purpose::Import));
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
    }
}
