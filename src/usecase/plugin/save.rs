//! What saving a new plugin and changing a standing one have in common.

use entity::{id::PluginId, plugin};

use super::{StoredHeader, StoredHttp, sealed_header_context};
use crate::{
    app::App,
    domain::{
        plugin::NewHttp,
        problem::{Code, Found, Path, Problem},
    },
    outbound,
    secret::{NONCE_LENGTH, Secret},
    usecase::Error,
};

/// A plugin that was saved, and the secret that its calls are signed with, if it was just made: it is shown only now.
#[derive(Clone, Debug)]
pub struct SavedPlugin {
    /// The plugin.
    pub plugin: plugin::Model,
    /// Its signing secret.
    pub secret: Option<Secret<String>>,
}

/// Pushes what is wrong with the address of an endpoint.
pub(super) fn check_url(app: &App, http: &NewHttp, found: &mut Found) {
    if let Err(message) = outbound::check_url(&http.url, app.outbound.rules()) {
        found.push(Problem::invalid(&Path::root().field("http").field("url"), message));
    }
}

/// The endpoint as it is kept, its header values sealed; `standing` are the headers that stay where none are given.
pub(super) fn stored_http(app: &App, id: PluginId, new: NewHttp, standing: Vec<StoredHeader>) -> StoredHttp {
    let headers = new.headers.map(|headers| {
        let sealed = headers.into_iter().map(|(name, value)| StoredHeader {
            value: seal(app, &value, &sealed_header_context(id, &name)),
            name,
        });
        sealed.collect()
    });
    StoredHttp {
        url: new.url,
        method: new.method,
        headers: headers.unwrap_or(standing),
        body_template: new.body_template,
        request_timeout_ms: new.request_timeout_ms,
        callback_timeout_ms: new.callback_timeout_ms,
        max_attempts: new.max_attempts,
    }
}

/// The refusal of a name that another plugin has.
pub(super) fn name_taken() -> Error {
    let message = "the tenant has a plugin of that name; choose another name";
    Problem::new(Code::AlreadyExists, &Path::root().field("name"), message).into()
}

fn seal(app: &App, text: &str, context: &str) -> String {
    let mut nonce = [0; NONCE_LENGTH];
    app.ids.fill(&mut nonce);
    app.keyring.seal(text.as_bytes(), context, nonce)
}
