//! The port's own suite, on this adapter: once as it is usually set, and once with so little memory
//! that each commit folds what the one before it left.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::sync::Arc;

use async_trait::async_trait;
use headway_store::Store;
use headway_store::conformance::{Case, Subject};
use headway_store_embedded::{EmbeddedStore, Options};
use tempfile::TempDir;

struct Embedded {
    folder: TempDir,
    tail_bytes: usize,
    store: Option<Arc<EmbeddedStore>>,
}

impl Embedded {
    fn new(tail_bytes: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let mut subject = Self { folder, tail_bytes, store: None };
        subject.open();
        subject
    }

    fn open(&mut self) {
        let options = Options { tail_bytes: self.tail_bytes, ..Options::new(self.folder.path()) };
        self.store = Some(Arc::new(EmbeddedStore::open(options).unwrap()));
    }
}

#[async_trait]
impl Subject for Embedded {
    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(self.store.as_ref().unwrap()) as Arc<dyn Store>
    }

    async fn reopen(&mut self) -> bool {
        // The file is not touched when a store is dropped: what is read then is what a crash leaves.
        self.store = None;
        self.open();
        true
    }
}

fn run(case: Case<'_>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(case);
}

mod usual {
    use super::{Embedded, run};

    headway_store::conformance_tests!(Embedded::new(16 << 20), run);
}

mod folding_all_the_time {
    use super::{Embedded, run};

    headway_store::conformance_tests!(Embedded::new(1), run);
}
