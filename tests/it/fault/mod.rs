//! What goes wrong around the service: killed processes, stores that are not there, disks that are full or broken, callers
//! that hang up, ports that are taken.

mod at_rest;
#[cfg(target_os = "linux")]
mod disk;
mod durable;
#[cfg(target_os = "linux")]
mod faulty;
mod full;
mod given_up;
mod hung_up;
mod kill;
mod overload;
mod plugins;
mod read_only;
mod run_in_flight;
mod start;
#[cfg(target_os = "linux")]
mod tmpfs;
mod told;

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};

/// The data key of the tests, as it stands in a key file.
const DATA_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n";

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program as an operator starts it; killed when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Child,
    log: Arc<Mutex<Vec<String>>>,
}

/// The program with a key file in `folder`, where it also runs, and nothing of our environment that is meant for it.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let key = folder.join("key");
    std::fs::write(&key, DATA_KEY).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_waybill"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env("WAYBILL_DATA_KEY_FILE", key);
    for name in ["WAYBILL_LISTEN", "WAYBILL_DATABASE_URL", "WAYBILL_CONFIG", "WAYBILL_LOG"] {
        command.env_remove(name);
    }
    command
}

/// Runs the program to its end.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut process =
        program(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = std::time::Instant::now();
    while process.try_wait().unwrap().is_none() {
        if begun.elapsed() > PATIENCE {
            process.kill().unwrap();
            panic!("it did not end: {:?}", process.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    process.wait_with_output().unwrap()
}

impl Server {
    /// Starts a server on a free port, and waits until it says which.
    pub(crate) fn start(folder: &Path, database_url: &str) -> Self {
        Self::start_at(folder, database_url, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// The same at an address of its own.
    pub(crate) fn start_at(folder: &Path, database_url: &str, listen: SocketAddr) -> Self {
        Self::start_within(folder, database_url, listen, &[])
    }

    /// The same with more in its environment.
    fn start_within(
        folder: &Path,
        database_url: &str,
        listen: SocketAddr,
        environment: &[(&str, &Path)],
    ) -> Self {
        use std::io::BufRead as _;
        let listen = listen.to_string();
        let arguments = [
            "serve",
            "--listen",
            &listen,
            "--database-url",
            database_url,
            "--plugin-allow-net",
            "127.0.0.0/8",
        ];
        let mut program = program(folder, &arguments);
        let mut process = program.envs(environment.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
        let kept = Arc::<Mutex<Vec<String>>>::default();
        let lines_kept = Arc::clone(&kept);
        let log = std::io::BufReader::new(process.stderr.take().unwrap());
        let (sender, receiver) = mpsc::channel();
        // Reads on after that, so that the server never waits for somebody to read its log.
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                let address = line.split_once("GraphQL at http://").and_then(|it| it.1.split('/').next());
                if let Some(address) = address {
                    let _ = sender.send(address.parse().unwrap());
                }
                lines_kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        let address = receiver.recv_timeout(PATIENCE).expect("the server does not say where it is");
        Self { address, process, log: kept }
    }

    /// The lines of its log so far that contain a text.
    #[cfg(target_os = "linux")]
    fn logged(&self, text: &str) -> Vec<String> {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|line| line.contains(text)).cloned().collect()
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
