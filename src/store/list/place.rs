//! Where a row stands in a list, and the cursor that says so.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use sea_orm::{ColumnTrait, ColumnType, DbErr};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{By, Cell, Key, List, Listed};
use crate::store::Part;

/// How many bytes of a cursor tell whether it is one of this list.
const SEAL_BYTES: usize = 8;

/// Where a row stands in a list: the values of the list's keys, and its id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// A value for each key.
    pub keys: Vec<Cell>,
    /// The row's id.
    pub id: Uuid,
}

/// What the values of a key are.
enum Kind {
    Text,
    Instant,
    Bytes,
}

impl<E: Listed> By<E> {
    fn kind(&self) -> Kind {
        match self {
            Self::Attribute(_) => Kind::Bytes,
            Self::Column(column) => match column.def().get_column_type() {
                ColumnType::TimestampWithTimeZone => Kind::Instant,
                _ => Kind::Text,
            },
        }
    }
}

impl<E: Listed> List<E> {
    /// The place of a row, of which `columns` columns were asked for.
    pub fn place(&self, row: &Part, columns: usize) -> Result<Place, DbErr> {
        let missing = || DbErr::Type("a list is sorted by what is null".to_owned());
        let cell = |(index, key): (usize, &Key<E>)| {
            let at = columns + index;
            let cell = match key.by.kind() {
                Kind::Text => row.text(at)?.map(|text| Cell::Text(text.to_owned())),
                Kind::Instant => row.instant(at)?.map(Cell::Instant),
                Kind::Bytes => row.bytes(at)?.map(|bytes| Cell::Bytes(bytes.to_vec())),
            };
            cell.ok_or_else(missing)
        };
        let keys = self.keys.iter().enumerate().map(cell).collect::<Result<_, _>>()?;
        let id = row.uuid(columns + self.keys.len())?.ok_or_else(missing)?;
        Ok(Place { keys, id })
    }

    /// Writes and reads the cursors of this list.
    pub fn cursors(&self) -> Cursors<'_, E> {
        let list = Sha256::new().chain_update(format!("{} {self:?}\n", E::default().as_str()));
        Cursors { keys: &self.keys, list }
    }
}

/// The cursors of a list; they are good for lists with the same filter and keys only.
#[derive(Debug)]
pub struct Cursors<'a, E: Listed> {
    keys: &'a [Key<E>],
    /// A digest of what the list is.
    list: Sha256,
}

impl<E: Listed> Cursors<'_, E> {
    /// Writes the cursor of a place.
    pub fn encode(&self, place: &Place) -> String {
        let mut bytes = place.id.as_bytes().to_vec();
        for cell in &place.keys {
            let value = match cell {
                Cell::Text(text) => text.as_bytes().to_vec(),
                Cell::Instant(instant) => instant.timestamp_micros().to_be_bytes().to_vec(),
                Cell::Bytes(bytes) => bytes.clone(),
                Cell::Id(_) | Cell::Flag(_) => Vec::new(),
            };
            bytes.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend(value);
        }
        let mut sealed = self.seal(&bytes).to_vec();
        sealed.extend(bytes);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Reads a cursor; one of another list, or one that was changed, is none.
    pub fn decode(&self, cursor: &str) -> Option<Place> {
        let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (seal, bytes) = sealed.split_at_checked(SEAL_BYTES)?;
        if seal != self.seal(bytes) {
            return None;
        }
        let (id, mut rest) = bytes.split_first_chunk::<16>()?;
        let mut keys = Vec::with_capacity(self.keys.len());
        for key in self.keys {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let (value, after) =
                after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            rest = after;
            keys.push(match key.by.kind() {
                Kind::Text => Cell::Text(String::from_utf8(value.to_vec()).ok()?),
                Kind::Instant => {
                    let micros = i64::from_be_bytes(value.try_into().ok()?);
                    Cell::Instant(DateTime::from_timestamp_micros(micros)?)
                }
                Kind::Bytes => Cell::Bytes(value.to_vec()),
            });
        }
        rest.is_empty().then(|| Place { keys, id: Uuid::from_bytes(*id) })
    }

    /// A digest of the list and of the bytes: it tells a cursor of another list, or one that was changed.
    fn seal(&self, bytes: &[u8]) -> [u8; SEAL_BYTES] {
        let digest = self.list.clone().chain_update(bytes).finalize();
        let mut seal = [0; SEAL_BYTES];
        seal.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        seal
    }
}
