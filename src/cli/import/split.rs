//! Cuts the input into orders without looking at what they say: NDJSON at line ends, a JSON array at the commas between
//! its elements. Never holds more than one order.

use std::{
    fmt,
    io::{self, BufRead},
};

/// The largest order that is read. An order as large as the API's limits allow is about as large.
pub const MAX_ORDER_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where an order stands in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line of NDJSON, counted from 1.
    Line(u64),
    /// An element of an array, counted from 1, and the line that it begins on.
    Element(u64, u64),
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(formatter, "line {number}"),
            Self::Element(number, _) => write!(formatter, "element {number}"),
        }
    }
}

/// A cut-out order.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands.
    pub place: Place,
    /// Its text; nothing where it is larger than [`MAX_ORDER_BYTES`].
    pub text: Option<Vec<u8>>,
}

/// Why the input cannot be read further; the text says where.
pub type Broken = String;

/// Cuts what `reader` gives.
#[derive(Debug)]
pub struct Splitter<R> {
    reader: R,
    position: u64,
    line: u64,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Start,
    Lines { seen: bool },
    Elements { count: u64 },
    End,
}

impl<R: BufRead> Splitter<R> {
    pub const fn new(reader: R) -> Self {
        Self { reader, position: 0, line: 1, state: State::Start }
    }

    /// How many bytes were read.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next order; nothing at the end of the input.
    pub fn next(&mut self) -> Result<Option<Piece>, Broken> {
        if matches!(self.state, State::Start) {
            self.state = self.begin().map_err(|error| self.unreadable(&error))?;
        }
        let next = match self.state {
            State::Lines { seen } => self.next_line(seen),
            State::Elements { count } => self.next_element(count),
            State::Start | State::End => Ok(None),
        };
        if !matches!(next, Ok(Some(_))) {
            self.state = State::End;
        }
        next
    }

    /// Looks which form the input has. Blank lines before it do not matter.
    fn begin(&mut self) -> io::Result<State> {
        if self.reader.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
            self.consume(BYTE_ORDER_MARK.len());
        }
        Ok(match self.skip_blanks()? {
            Some(b'[') => {
                self.consume(1);
                State::Elements { count: 0 }
            }
            Some(_) => State::Lines { seen: false },
            None => State::End,
        })
    }

    fn next_line(&mut self, seen: bool) -> Result<Option<Piece>, Broken> {
        loop {
            let place = Place::Line(self.line);
            let mut text = Some(Vec::new());
            let mut ended = false;
            let mut at_end = false;
            while !ended && !at_end {
                let buffer = self.reader.fill_buf();
                let buffer = buffer.map_err(|error| unreadable(self.line, &error))?;
                at_end = buffer.is_empty();
                let end = buffer.iter().position(|&byte| byte == b'\n');
                let (part, used) = match end {
                    Some(end) => (buffer.get(..end).unwrap_or_default(), end + 1),
                    None => (buffer, buffer.len()),
                };
                ended = end.is_some();
                append(&mut text, part);
                self.consume(used);
            }
            if ended {
                self.line += 1;
            }
            if text.as_ref().is_some_and(|text| text.iter().all(u8::is_ascii_whitespace)) {
                if at_end {
                    return Ok(None);
                }
                continue;
            }
            if !seen && text.as_deref().is_some_and(|text| text.trim_ascii() == b"{") {
                return Err(format!(
                    "{place} begins an order that goes on in the next line: put each order on one line (`jq -c .` \
                     does), or all of them into one JSON array"
                ));
            }
            self.state = State::Lines { seen: true };
            return Ok(Some(Piece { place, text }));
        }
    }

    fn next_element(&mut self, count: u64) -> Result<Option<Piece>, Broken> {
        let broken = |line: u64| move |error: io::Error| unreadable(line, &error);
        let first = self.skip_blanks().map_err(broken(self.line))?;
        match first {
            None if count == 0 => return Err("the array is cut off: it is not closed".to_owned()),
            None => return Err(format!("the array is cut off: it is not closed after element {count}")),
            Some(b']') => {
                self.consume(1);
                return match self.skip_blanks().map_err(broken(self.line))? {
                    None => Ok(None),
                    Some(_) => Err(format!(
                        "something follows the end of the array, on line {}: the input is one array, or one order a \
                         line",
                        self.line
                    )),
                };
            }
            Some(_) => {}
        }
        let place = Place::Element(count + 1, self.line);
        let mut text = Some(Vec::new());
        let mut scan = Scan::default();
        loop {
            let buffer = self.reader.fill_buf();
            let buffer = buffer.map_err(|error| unreadable(self.line, &error))?;
            if buffer.is_empty() {
                let Place::Element(number, line) = place else { return Ok(None) };
                return Err(format!(
                    "the array is cut off: the input ends inside of element {number}, which begins on line {line}"
                ));
            }
            let end = buffer.iter().position(|&byte| scan.ends_before(byte));
            let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
            append(&mut text, part);
            let lines = part.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
            let is_comma = end.and_then(|end| buffer.get(end)) == Some(&b',');
            // The bracket that ends the array is left for the next look.
            let used = part.len() + usize::from(is_comma);
            self.consume(used);
            self.line += lines;
            if end.is_some() {
                self.state = State::Elements { count: count + 1 };
                return Ok(Some(Piece { place, text }));
            }
        }
    }

    /// Goes to the next byte that is not blank, and gives it.
    fn skip_blanks(&mut self) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                return Ok(None);
            }
            let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace());
            let (mut count, mut lines) = (0, 0);
            for &byte in blanks {
                count += 1;
                lines += u64::from(byte == b'\n');
            }
            let found = buffer.get(count).copied();
            self.consume(count);
            self.line += lines;
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.position += u64::try_from(count).unwrap_or(0);
    }

    fn unreadable(&self, error: &io::Error) -> Broken {
        unreadable(self.line, error)
    }
}

/// Adds to a text, as long as it is not too large.
fn append(text: &mut Option<Vec<u8>>, part: &[u8]) {
    match text {
        Some(so_far) if so_far.len() + part.len() <= MAX_ORDER_BYTES => so_far.extend_from_slice(part),
        _ => *text = None,
    }
}

fn unreadable(line: u64, error: &io::Error) -> Broken {
    format!("cannot read line {line}: {error}")
}

/// Finds the end of an element of an array.
#[derive(Debug, Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Whether the element ended before this byte, its next one.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b',' | b']' if self.depth == 0 => return true,
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// What is cut out of `input`, whatever the size of the buffer: `place: text`, and last what broke.
    fn split(input: &[u8]) -> Vec<String> {
        let cut = |capacity| {
            let mut splitter = Splitter::new(BufReader::with_capacity(capacity, input));
            let mut pieces = Vec::new();
            loop {
                match splitter.next() {
                    Ok(Some(Piece { place, text: Some(text) })) => {
                        pieces.push(format!("{place}: {}", String::from_utf8_lossy(&text)));
                    }
                    Ok(Some(Piece { place, text: None })) => pieces.push(format!("{place} is too large")),
                    Ok(None) => break,
                    Err(broken) => {
                        pieces.push(broken);
                        break;
                    }
                }
            }
            assert!(splitter.next().unwrap().is_none());
            pieces
        };
        let pieces = cut(8192);
        for capacity in [1, 3, 7] {
            assert_eq!(cut(capacity.max(BYTE_ORDER_MARK.len())), pieces);
        }
        pieces
    }

    #[test]
    fn lines_are_cut_at_their_ends_and_blank_ones_are_skipped() {
        assert_eq!(
            split(b"{}\n{\"a\":\"]\"}\r\n\n  \n7"),
            ["line 1: {}", "line 2: {\"a\":\"]\"}\r", "line 5: 7"]
        );
        assert_eq!(split(b"\n\n{}\n"), ["line 3: {}"]);
        assert_eq!(split(b"\xef\xbb\xbf{}"), ["line 1: {}"]);
        assert_eq!(split(b""), Vec::<String>::new());
        assert_eq!(split(b" \n\n"), Vec::<String>::new());
    }

    #[test]
    fn an_array_is_cut_between_its_elements() {
        assert_eq!(
            split(b" [{\"a\": [1, 2]},\n {\"b\": \"],\\\"}\"},\n\n 7 ]\n"),
            ["element 1: {\"a\": [1, 2]}", "element 2: {\"b\": \"],\\\"}\"}", "element 3: 7 "]
        );
        assert_eq!(split(b"[]"), Vec::<String>::new());
        assert_eq!(split(b"[1,,2]"), ["element 1: 1", "element 2: ", "element 3: 2"]);
    }

    #[test]
    fn a_broken_array_is_said_to_be_with_its_place() {
        for (input, expected) in [
            ("[", "the array is cut off: it is not closed"),
            ("[1,\n2,\n", "the array is cut off: it is not closed after element 2"),
            (
                "[1,\n{\"a\": \"b]",
                "the array is cut off: the input ends inside of element 2, which begins on line 2",
            ),
            (
                "[1]\n\n{}",
                "something follows the end of the array, on line 3: the input is one array, or one order a line",
            ),
            (
                "{\n \"a\": 1\n}\n",
                "line 1 begins an order that goes on in the next line: put each order on one line (`jq -c .` does), or \
                 all of them into one JSON array",
            ),
        ] {
            assert_eq!(split(input.as_bytes()).last().unwrap(), expected, "{input}");
        }
    }

    #[test]
    fn what_is_too_large_is_passed_over() {
        let large = "x".repeat(MAX_ORDER_BYTES + 1);
        assert_eq!(
            split(format!("1\n{large}\n2").as_bytes()),
            ["line 1: 1", "line 2 is too large", "line 3: 2"]
        );
        let array = format!("[1,\n\"{large}\",2]");
        assert_eq!(split(array.as_bytes()), ["element 1: 1", "element 2 is too large", "element 3: 2"]);
    }
}
