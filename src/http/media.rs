//! Media types: what a request is written in, and what its answer is to be written in.

use axum::http::{
    HeaderMap,
    header::{ACCEPT, CONTENT_TYPE},
};

/// How an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As a whole.
    Whole(Media),
    /// As a stream of events, `text/event-stream`.
    Stream,
}

/// What a whole answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`: the status tells only whether the request was well-formed.
    Json,
    /// `application/graphql-response+json`: the status tells whether the operation was executed.
    GraphqlResponse,
}

impl Media {
    /// The value of the header `content-type`.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        }
    }
}

impl Form {
    /// In the order in which they are taken where a client likes them alike.
    const ALL: [Self; 3] = [Self::Whole(Media::Json), Self::Whole(Media::GraphqlResponse), Self::Stream];

    const fn essence(self) -> &'static str {
        match self {
            Self::Whole(Media::Json) => "application/json",
            Self::Whole(Media::GraphqlResponse) => "application/graphql-response+json",
            Self::Stream => "text/event-stream",
        }
    }

    /// The one that a client likes best; none if it takes none of them.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let ranges: Vec<_> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .collect();
        if !headers.contains_key(ACCEPT) {
            return Some(Self::Whole(Media::Json));
        }
        let mut best: Option<(Liking, Self)> = None;
        for form in Self::ALL {
            if let Some(liking) = liking(&ranges, form).filter(Liking::is_any)
                && best.is_none_or(|(other, _)| liking > other)
            {
                best = Some((liking, form));
            }
        }
        best.map(|(_, form)| form)
    }
}

/// How much a client likes a media type: by weight, then by how exactly it is named, then by how early.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Liking {
    weight: f32,
    exactness: u8,
    earliness: std::cmp::Reverse<usize>,
}

impl Liking {
    fn is_any(&self) -> bool {
        self.weight > 0.0
    }
}

/// The range that names a media type most exactly decides about it.
fn liking(ranges: &[Range<'_>], form: Form) -> Option<Liking> {
    let matching = ranges.iter().enumerate().filter_map(|(index, range)| {
        let exactness = range.exactness(form)?;
        Some(Liking { weight: range.weight, exactness, earliness: std::cmp::Reverse(index) })
    });
    matching.max_by_key(|liking| (liking.exactness, liking.earliness))
}

/// One element of the header `accept`.
struct Range<'a> {
    essence: &'a str,
    weight: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().filter(|essence| !essence.is_empty())?;
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(1.0), |(_, weight)| weight.trim().parse().ok())
            .filter(|weight| (0.0..=1.0).contains(weight))?;
        Some(Self { essence, weight })
    }

    fn exactness(&self, form: Form) -> Option<u8> {
        let is_named = self.essence.eq_ignore_ascii_case(form.essence());
        match form {
            _ if is_named => Some(2),
            Form::Whole(_) if self.essence.eq_ignore_ascii_case("application/*") => Some(1),
            Form::Whole(_) if self.essence == "*/*" => Some(0),
            // Whoever takes anything expects an answer, and not a stream.
            Form::Whole(_) | Form::Stream => None,
        }
    }
}

/// Whether a request says that its body is JSON. No page of another origin can have a browser say so without asking
/// the server first, and the server does not allow it: so no page makes a browser of this machine change orders.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = value.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().unwrap_or_default();
    let is_json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    is_json
        && parts
            .filter_map(|parameter| {
                parameter.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
            })
            .filter(|(name, _)| name == "charset")
            .all(|(_, charset)| matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &axum::http::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn the_answer_is_in_the_media_type_that_the_client_likes_best() {
        const JSON: Option<Form> = Some(Form::Whole(Media::Json));
        const GRAPHQL: Option<Form> = Some(Form::Whole(Media::GraphqlResponse));
        const STREAM: Option<Form> = Some(Form::Stream);
        for (accept, expected) in [
            (&[][..], JSON),
            (&["*/*"], JSON),
            (&["application/*"], JSON),
            (&["application/json"], JSON),
            (&["application/json; charset=utf-8"], JSON),
            (&["Application/GraphQL-Response+JSON"], GRAPHQL),
            (&["application/graphql-response+json; charset=utf-8"], GRAPHQL),
            (&["application/graphql-response+json, application/json;q=0.9"], GRAPHQL),
            (&["application/graphql-response+json;q=0.8, application/json;q=0.9"], JSON),
            (&["application/json;q=0.8", "application/graphql-response+json"], GRAPHQL),
            (&["application/graphql-response+json, application/json"], GRAPHQL),
            (&["application/json, application/graphql-response+json"], JSON),
            (&["application/graphql-response+json, */*"], GRAPHQL),
            (&["application/json, */*"], JSON),
            (&["application/json;q=0, */*"], GRAPHQL),
            (&["text/html, */*;q=0.1"], JSON),
            (&["text/html"], None),
            (&["text/event-stream"], STREAM),
            (&["Text/Event-Stream; charset=utf-8"], STREAM),
            (&["text/event-stream, application/json"], STREAM),
            (&["text/event-stream, */*"], STREAM),
            (&["application/graphql-response+json, application/json, text/event-stream"], GRAPHQL),
            (&["text/event-stream;q=0.5, application/json"], JSON),
            (&["text/event-stream;q=0, */*"], JSON),
            (&["text/*"], None),
            (&["application/json;q=0"], None),
            (&["application/json;q=much"], None),
            (&[""], None),
        ] {
            assert_eq!(Form::accepted(&headers(&ACCEPT, accept)), expected, "{accept:?}");
        }
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for (content_type, expected) in [
            ("application/json", true),
            ("Application/JSON; Charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/graphql+json", true),
            ("application/json; charset=latin1", false),
            ("application/jsonp", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=x", false),
            ("text/plain; x=application/json", false),
            ("", false),
        ] {
            assert_eq!(is_json(&headers(&CONTENT_TYPE, &[content_type])), expected, "{content_type}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
