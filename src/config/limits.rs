//! How much callers may ask for.
//!
//! Each limit is a number with a flag, a variable and a key of its own. The defaults are such that the bundled clients,
//! and whoever asks for what fits on a screen, never meet one.

use std::{ops::RangeInclusive, time::Duration};

use clap::Args;

use crate::budget::Allowance;

/// How much callers may ask for; the values in parentheses are the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How deep the fields of an operation may nest, fragments included (20).
    pub depth: usize,
    /// What an operation may cost by an estimate made before it is executed: each field of each item counts, see
    /// `docs/OPERATIONS.md` (100,000).
    pub complexity: usize,
    /// Values in the answer of an operation, counted while it runs (200,000).
    pub values: usize,
    /// Bytes of the answer of an operation, and as many again that it reads from the store (8 MiB).
    pub answer_bytes: usize,
    /// Rows that an operation reads from the store (50,000).
    pub rows: usize,
    /// How many seconds the store may work for an operation (10).
    pub store_seconds: usize,
    /// How many milliseconds an operation may use a processor (2,000).
    pub processor_millis: usize,
    /// Aliases in a document (200).
    pub aliases: usize,
    /// Directives in a document (200).
    pub directives: usize,
    /// Fields that an operation selects at its root, fragments included (100).
    pub root_fields: usize,
    /// Names, values and signs in a document (20,000).
    pub tokens: usize,
    /// Size of a document in bytes (1 MiB).
    pub document_bytes: usize,
    /// Size of a request's body, and of a message on a WebSocket, in bytes (8 MiB).
    pub body_bytes: usize,
    /// Length of any list in a request's variables (10,000).
    pub list: usize,
    /// Values in a request's variables, members of lists and objects included (250,000).
    pub variable_values: usize,
    /// How many seconds a request may take, the reading of its body included (30).
    pub seconds: usize,
    /// WebSockets and event streams that are open at the same time (50,000).
    pub sockets: usize,
    /// Operations a second of one caller; 0 sets no limit (0).
    pub rate: usize,
    /// Operations a second of all callers of one tenant; 0 sets no limit (0).
    pub tenant_rate: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 20,
            complexity: 100_000,
            values: 200_000,
            answer_bytes: 8 * 1024 * 1024,
            rows: 50_000,
            store_seconds: 10,
            processor_millis: 2_000,
            aliases: 200,
            directives: 200,
            root_fields: 100,
            tokens: 20_000,
            document_bytes: 1024 * 1024,
            body_bytes: 8 * 1024 * 1024,
            list: 10_000,
            variable_values: 250_000,
            seconds: 30,
            sockets: 50_000,
            rate: 0,
            tenant_rate: 0,
        }
    }
}

impl Limits {
    /// How long a request may take, the reading of its body included.
    pub fn request_timeout(&self) -> Duration {
        Duration::from_secs(number(self.seconds))
    }

    /// What an operation may use while it runs.
    pub fn allowance(&self) -> Allowance {
        Allowance {
            values: number(self.values),
            bytes: number(self.answer_bytes),
            rows: number(self.rows),
            store_time: Duration::from_secs(number(self.store_seconds)),
            processor_time: Duration::from_millis(number(self.processor_millis)),
        }
    }
}

fn number(limit: usize) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}

/// The flags of the limits.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Limits")]
#[allow(clippy::struct_field_names, reason = "a field has the name of its flag")]
pub struct LimitFlags {
    /// How deep fields may nest [env: WAYBILL_LIMIT_DEPTH] [default: 20]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_depth: Option<String>,

    /// What an operation may cost by estimate; each field of each item counts [env: WAYBILL_LIMIT_COMPLEXITY] [default: 100000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_complexity: Option<String>,

    /// Most values in an answer, counted while it is made [env: WAYBILL_LIMIT_VALUES] [default: 200000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_values: Option<String>,

    /// Longest answer, and most that is read for it from the database [env: WAYBILL_LIMIT_ANSWER_BYTES] [default: 8388608]
    #[arg(long, global = true, value_name = "BYTES")]
    limit_answer_bytes: Option<String>,

    /// Most rows that an operation reads [env: WAYBILL_LIMIT_ROWS] [default: 50000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_rows: Option<String>,

    /// Longest time that the database works for an operation [env: WAYBILL_LIMIT_STORE_SECONDS] [default: 10]
    #[arg(long, global = true, value_name = "SECONDS")]
    limit_store_seconds: Option<String>,

    /// Longest time that an operation uses a processor [env: WAYBILL_LIMIT_PROCESSOR_MILLIS] [default: 2000]
    #[arg(long, global = true, value_name = "MILLISECONDS")]
    limit_processor_millis: Option<String>,

    /// Most aliases in a document [env: WAYBILL_LIMIT_ALIASES] [default: 200]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_aliases: Option<String>,

    /// Most directives in a document [env: WAYBILL_LIMIT_DIRECTIVES] [default: 200]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_directives: Option<String>,

    /// Most fields at the root of an operation [env: WAYBILL_LIMIT_ROOT_FIELDS] [default: 100]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_root_fields: Option<String>,

    /// Most tokens in a document [env: WAYBILL_LIMIT_TOKENS] [default: 20000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_tokens: Option<String>,

    /// Largest document [env: WAYBILL_LIMIT_DOCUMENT_BYTES] [default: 1048576]
    #[arg(long, global = true, value_name = "BYTES")]
    limit_document_bytes: Option<String>,

    /// Largest body of a request, or message on a WebSocket [env: WAYBILL_LIMIT_BODY_BYTES] [default: 8388608]
    #[arg(long, global = true, value_name = "BYTES")]
    limit_body_bytes: Option<String>,

    /// Longest list in variables [env: WAYBILL_LIMIT_LIST] [default: 10000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_list: Option<String>,

    /// Most values in variables [env: WAYBILL_LIMIT_VARIABLE_VALUES] [default: 250000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_variable_values: Option<String>,

    /// Longest time for a request [env: WAYBILL_LIMIT_SECONDS] [default: 30]
    #[arg(long, global = true, value_name = "SECONDS")]
    limit_seconds: Option<String>,

    /// Most open WebSockets and event streams [env: WAYBILL_LIMIT_SOCKETS] [default: 50000]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_sockets: Option<String>,

    /// Most operations a second of one caller; 0 for no limit [env: WAYBILL_LIMIT_RATE] [default: 0]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_rate: Option<String>,

    /// Most operations a second of one tenant; 0 for no limit [env: WAYBILL_LIMIT_TENANT_RATE] [default: 0]
    #[arg(long, global = true, value_name = "NUMBER")]
    limit_tenant_rate: Option<String>,
}

impl LimitFlags {
    /// What was given for a limit, if anything was.
    pub(super) fn given(&self, limit: Limit) -> Option<&str> {
        let given = match limit {
            Limit::Depth => &self.limit_depth,
            Limit::Complexity => &self.limit_complexity,
            Limit::Values => &self.limit_values,
            Limit::AnswerBytes => &self.limit_answer_bytes,
            Limit::Rows => &self.limit_rows,
            Limit::StoreSeconds => &self.limit_store_seconds,
            Limit::ProcessorMillis => &self.limit_processor_millis,
            Limit::Aliases => &self.limit_aliases,
            Limit::Directives => &self.limit_directives,
            Limit::RootFields => &self.limit_root_fields,
            Limit::Tokens => &self.limit_tokens,
            Limit::DocumentBytes => &self.limit_document_bytes,
            Limit::BodyBytes => &self.limit_body_bytes,
            Limit::List => &self.limit_list,
            Limit::VariableValues => &self.limit_variable_values,
            Limit::Seconds => &self.limit_seconds,
            Limit::Sockets => &self.limit_sockets,
            Limit::Rate => &self.limit_rate,
            Limit::TenantRate => &self.limit_tenant_rate,
        };
        given.as_deref()
    }
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Depth,
    Complexity,
    Values,
    AnswerBytes,
    Rows,
    StoreSeconds,
    ProcessorMillis,
    Aliases,
    Directives,
    RootFields,
    Tokens,
    DocumentBytes,
    BodyBytes,
    List,
    VariableValues,
    Seconds,
    Sockets,
    Rate,
    TenantRate,
}

impl Limit {
    pub(super) const ALL: [Self; 19] = [
        Self::Depth,
        Self::Complexity,
        Self::Values,
        Self::AnswerBytes,
        Self::Rows,
        Self::StoreSeconds,
        Self::ProcessorMillis,
        Self::Aliases,
        Self::Directives,
        Self::RootFields,
        Self::Tokens,
        Self::DocumentBytes,
        Self::BodyBytes,
        Self::List,
        Self::VariableValues,
        Self::Seconds,
        Self::Sockets,
        Self::Rate,
        Self::TenantRate,
    ];

    /// Its key in the file.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Depth => "limit_depth",
            Self::Complexity => "limit_complexity",
            Self::Values => "limit_values",
            Self::AnswerBytes => "limit_answer_bytes",
            Self::Rows => "limit_rows",
            Self::StoreSeconds => "limit_store_seconds",
            Self::ProcessorMillis => "limit_processor_millis",
            Self::Aliases => "limit_aliases",
            Self::Directives => "limit_directives",
            Self::RootFields => "limit_root_fields",
            Self::Tokens => "limit_tokens",
            Self::DocumentBytes => "limit_document_bytes",
            Self::BodyBytes => "limit_body_bytes",
            Self::List => "limit_list",
            Self::VariableValues => "limit_variable_values",
            Self::Seconds => "limit_seconds",
            Self::Sockets => "limit_sockets",
            Self::Rate => "limit_rate",
            Self::TenantRate => "limit_tenant_rate",
        }
    }

    /// Where its value is kept.
    pub(super) const fn of(self, limits: &mut Limits) -> &mut usize {
        match self {
            Self::Depth => &mut limits.depth,
            Self::Complexity => &mut limits.complexity,
            Self::Values => &mut limits.values,
            Self::AnswerBytes => &mut limits.answer_bytes,
            Self::Rows => &mut limits.rows,
            Self::StoreSeconds => &mut limits.store_seconds,
            Self::ProcessorMillis => &mut limits.processor_millis,
            Self::Aliases => &mut limits.aliases,
            Self::Directives => &mut limits.directives,
            Self::RootFields => &mut limits.root_fields,
            Self::Tokens => &mut limits.tokens,
            Self::DocumentBytes => &mut limits.document_bytes,
            Self::BodyBytes => &mut limits.body_bytes,
            Self::List => &mut limits.list,
            Self::VariableValues => &mut limits.variable_values,
            Self::Seconds => &mut limits.seconds,
            Self::Sockets => &mut limits.sockets,
            Self::Rate => &mut limits.rate,
            Self::TenantRate => &mut limits.tenant_rate,
        }
    }

    /// The values that make sense. A depth beyond what the GraphQL library follows would promise too much.
    const fn range(self) -> RangeInclusive<usize> {
        const MANY: usize = 1_000_000_000;
        match self {
            Self::Depth => 1..=30,
            Self::DocumentBytes | Self::BodyBytes | Self::AnswerBytes => 1_024..=MANY,
            Self::Seconds | Self::StoreSeconds => 1..=3_600,
            Self::ProcessorMillis => 1..=3_600_000,
            Self::Rate | Self::TenantRate | Self::Aliases | Self::Directives => 0..=MANY,
            Self::Complexity
            | Self::Values
            | Self::Rows
            | Self::RootFields
            | Self::Tokens
            | Self::List
            | Self::VariableValues
            | Self::Sockets => 1..=MANY,
        }
    }

    /// The value that a text gives.
    pub(super) fn parse(self, text: &str) -> Result<usize, String> {
        let range = self.range();
        text.parse().ok().filter(|value| range.contains(value)).ok_or_else(|| {
            format!("{text:?} is not such a number; give one from {} to {}", range.start(), range.end())
        })
    }
}
