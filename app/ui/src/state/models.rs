//! The user's library: what is fetched, imported and removed.

use std::path::PathBuf;

use strandscope_worker::{GetRequest, ImportRequest, Task};

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

    /// Copies a folder into the library.
    pub(crate) fn import_model(&mut self, folder: PathBuf) {
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

    /// What is being fetched or imported.
    pub(crate) fn library_job(&self) -> Option<&Running> {
        self.jobs.running(|purpose| matches!(purpose, Purpose::Fetch | Purpose::Import))
    }

    /// Stops fetching and importing; what was fetched is kept for another try.
    pub(crate) fn cancel_library(&mut self) {
        let jobs = self.jobs.cancel(|purpose| matches!(purpose, Purpose::Fetch | Purpose::Import));
        self.orders.extend(jobs.into_iter().map(Order::Cancel));
    }
}
