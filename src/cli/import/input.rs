//! The file or standard input, read on a thread of its own.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use tokio::sync::mpsc;

use super::{
    Place, Problem,
    item::{self, Item},
    split::Splitter,
};

/// How many orders are created in one transaction.
const BATCH_ORDERS: usize = 500;
/// A batch ends early when its orders are larger than this together.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// How many batches may wait for the store.
const BATCHES_AHEAD: usize = 1;
const BUFFER_BYTES: usize = 256 * 1024;

/// Where orders come from.
pub struct Input {
    reader: Box<dyn io::Read + Send>,
    length: Option<u64>,
}

/// What the thread gives.
pub enum Read {
    /// Some orders.
    Batch(Batch),
    /// The end of the input.
    End,
    /// The input cannot be read further.
    Broken(String),
}

/// Orders to be created together, and what was wrong with others between them.
#[derive(Debug, Default)]
pub struct Batch {
    /// The orders.
    pub items: Vec<Item>,
    /// Orders that cannot even be sent.
    pub problems: Vec<Problem>,
    /// How many bytes of the input were read up to its end.
    pub position: u64,
}

impl Batch {
    /// The place of its first order.
    pub fn first(&self) -> Option<Place> {
        let first = (self.items.first().map(|item| item.place), self.problems.first().map(|it| it.place));
        [first.0, first.1].into_iter().flatten().min()
    }

    /// The place of its last order.
    pub fn last(&self) -> Option<Place> {
        let last = (self.items.last().map(|item| item.place), self.problems.last().map(|it| it.place));
        last.0.max(last.1)
    }

    const fn len(&self) -> usize {
        self.items.len() + self.problems.len()
    }
}

impl Input {
    /// Opens a file, or standard input for `-`.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            if io::stdin().is_terminal() {
                let _ = writeln!(io::stderr(), "reading orders from the terminal; Ctrl-D ends them");
            }
            return Ok(Self { reader: Box::new(io::stdin()), length: None });
        }
        let opened = File::open(path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened
            .with_context(|| format!("cannot read {}; check its name and permissions", path.display()))?;
        if metadata.is_dir() {
            bail!("{} is a folder; name a file of orders", path.display());
        }
        // A pipe has a name as well, but no length.
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { reader: Box::new(file), length })
    }

    /// How many bytes there are, if that is known.
    pub const fn length(&self) -> Option<u64> {
        self.length
    }

    /// Starts to read. The thread ends with the input, or when nobody listens any more; one that waits for its input
    /// ends with the process.
    pub fn read(self) -> mpsc::Receiver<Read> {
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        tokio::task::spawn_blocking(move || {
            let last = match read_all(self.reader, &sender) {
                Ok(()) => Read::End,
                Err(message) => Read::Broken(message),
            };
            // Nobody listens where the import was stopped.
            let _ = sender.blocking_send(last);
        });
        receiver
    }
}

fn read_all(reader: Box<dyn io::Read + Send>, sender: &mpsc::Sender<Read>) -> Result<(), String> {
    let mut splitter = Splitter::new(BufReader::with_capacity(BUFFER_BYTES, reader));
    let mut batch = Batch::default();
    let mut begun_at = 0;
    let end = loop {
        let piece = match splitter.next() {
            Ok(Some(piece)) => piece,
            Ok(None) => break Ok(()),
            Err(broken) => break Err(broken),
        };
        match item::read(&piece) {
            Ok(item) => batch.items.push(item),
            Err(problem) => batch.problems.push(problem),
        }
        batch.position = splitter.position();
        if batch.len() >= BATCH_ORDERS || batch.position - begun_at >= BATCH_BYTES {
            begun_at = batch.position;
            if sender.blocking_send(Read::Batch(std::mem::take(&mut batch))).is_err() {
                return Ok(());
            }
        }
    };
    if batch.len() > 0 {
        // As above: nobody listens any more.
        let _ = sender.blocking_send(Read::Batch(batch));
    }
    end
}
