//! What the user sees: faulty orders on standard output, progress and the summary on standard error.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{End, Problem, batch::Outcome};

const BAR: &str = "{wide_bar} {bytes} of {total_bytes}, {msg}, {eta} to go";
const SPINNER: &str = "{spinner} {bytes}, {msg}";
const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// The counts so far, and a bar where standard error is a terminal.
pub struct Report {
    bar: ProgressBar,
    begun: Instant,
    total: Outcome,
    keys_kept: Duration,
}

impl Report {
    /// Begins; `length` is that of the input in bytes, if it is known, and `keys_kept` how long an order that was
    /// created is known to be there.
    pub fn new(length: Option<u64>, keys_kept: Duration) -> Self {
        // Both draw only on a terminal.
        let (bar, template) = match length {
            Some(length) => (ProgressBar::new(length), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message("0 orders");
        bar.enable_steady_tick(REDRAW_EVERY);
        Self { bar, begun: Instant::now(), total: Outcome::default(), keys_kept }
    }

    /// Adds what became of a batch that ends at `position` of the input.
    pub fn add(&mut self, outcome: &Outcome, position: u64) {
        self.total.created += outcome.created;
        self.total.already_there += outcome.already_there;
        self.total.failed += outcome.failed;
        if !outcome.problems.is_empty() {
            // Whoever reads them may have seen enough; the import goes on.
            let _ = self.bar.suspend(|| print(&outcome.problems));
        }
        self.bar.set_position(position);
        self.bar.set_message(format!("{} orders", self.orders()));
    }

    /// Ends with the summary, and says whether every order is there.
    pub fn finish(self, end: &End) -> bool {
        self.bar.finish_and_clear();
        let mut text = self.summary(self.begun.elapsed());
        let again = format!(
            "run the same command again within {} hours: what is there is not created twice",
            self.keys_kept.as_secs() / 3_600
        );
        match end {
            End::Whole => {}
            End::Interrupted { after } => {
                let after = after
                    .map_or_else(|| "before the first order".to_owned(), |place| format!("after {place}"));
                let _ = write!(text, "\nstopped {after}. To go on, {again}");
            }
            End::Broken(message) => {
                let _ = write!(text, "\nerror: {message}. Mend the input, then {again}");
            }
            End::Failed(message) => {
                let _ = write!(text, "\nerror: {message}. To go on, {again}");
            }
        }
        // Where standard error is closed, the status has to do.
        let _ = writeln!(io::stderr(), "{text}");
        matches!(end, End::Whole) && self.total.failed == 0
    }

    const fn orders(&self) -> u64 {
        self.total.created + self.total.already_there + self.total.failed
    }

    fn summary(&self, elapsed: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        let orders = u32::try_from(self.orders()).unwrap_or(u32::MAX);
        let Outcome { created, already_there, failed, .. } = &self.total;
        format!(
            "{created} created, {already_there} already there, {failed} failed; {seconds:.1} s, {:.0} orders/s",
            f64::from(orders) / seconds.max(0.001)
        )
    }
}

/// One line each: place, path, code and message, with tabs between them.
fn print(problems: &[Problem]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for problem in problems {
        let Problem { place, path, code, message } = problem;
        let path = if path.is_empty() { "-" } else { path };
        // Texts of the input are in these, and one that breaks the line would forge another.
        let [path, message] = [path, message].map(|text| text.replace(char::is_control, " "));
        writeln!(output, "{place}\t{path}\t{code}\t{message}")?;
    }
    output.flush()
}
