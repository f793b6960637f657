//! Issuers of tokens, good ones and bad ones.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::get};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};

/// A key that is good for nothing but tests: RSA of 2,048 bits.
const RSA: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDQDmyYjNh1T5jkmyych+p7SanGw9RCsZivwTpk6dAlMKoQEOLM3dvF\
    GaB/Mx5+IH49tVxyY2oPthm+0Zv1tjesQph8timqBJkBPlJtW7rlpD7G4Uvq+OkK0OWjKlXxLTvtOzAFRfO6NdMhoBTu9ncUVk++Mxnp\
    MPA500g2eHBaKjnaAqOsHxjJj2YonLJ3uPrcVzdJ3nTJLJa3UNdDmUFxPAS5FjiEkrxH4HJAQVkjRBtMUfpaUsKNzlutWJI7u+8trfeD\
    BqwewofNOBw7b47jzYqEyGPTNS3VEHMXivj9DnQ3Oeqt4PmTgcntIl8criNcyseiPuzTVYfGfcDGBG/zAgMBAAECggEANunPtNXb3d6j\
    4paoSCpBc8fmBR2zvOSmAaF0+aSSuPYmtLXYPq1B77xLVbdW0YBfAYeIPnLJ0BrGocwuJ0SwXgl3uNbVmVe8UI0z8UQ4SJs4rIJTaNHI\
    pH+tVIr8gvrm6b7o9kNXyGqjbqkTTV0E4fvD8VYIfTla9lAzK5lPQiSP8lJ7WEvoFCQe8fXoAU05QP5Hv1UEV53wnBTKq7X40fTcY/FQ\
    f15nFKK2WFpGUaode44JTIIUivGNq84Eye/jh0qDaT4Q2difSwuP2lEAYt/74kT5xeQOXLRGW3z0XHJgxsf2w5YD4B9/P7vZa2xfp4nh\
    ax1NoilvbgX8GbeF6QKBgQD1NYrCTGQuzEZ94LuoQu0PYmtBfMZp2ARzvSeO0webn0evMlUZagkF0BeJjIkxU+YZ5kuet9Nu9vepZjeP\
    0ap4+fNj4IpgLNzudmT7ScCGxJ16MYdRgJS/bfMW4JlpJ2CJ9qAQVAIFxo30JSVWfJRptx2xKxkerH79O/lrsx/H6wKBgQDZNlQ7heFf\
    izCiZREHYFtBXSSYdPyUPtRZ+RjdwVCOwXMvh95lfSpbtRidHkxszsa0ZHxBaoxk3h7fmrr4e/sT1vpJdir0lxmvViz4+Lc+HQlKswpu\
    E4XTJ/oCieCRBSdWQHEo/yEIvYSlWGk7ouh6RKmpiAfvgO5Unlext70+GQKBgFT0kfizYtpb5+hg3mNznJKB9MshodS2BQTcekIflzkx\
    vDJU6+r8M9gRurXrPPUcLlK22WhKJDUD19aXFZT8fWWgo9TszMR5hqoP1vjBGrUWlcDqPAne1KpmO5yngD9QZ0AldFtz36eEnVYDMKaA\
    TyM5UE47sl5QQUcXalkIHHC1AoGAOV8ONIKSGohLGjmTm90pfUQ6zEHqDMXjlLgkhz3uJyaVY/KBHVFIBNz6WVWNXhfnh/Ial7SqzGGW\
    yfy2cbddg8n+ZbTed6gJUrRyQHiA/djxgVd048ooSLOAZ3c/Z05zK2bt/KQWd5aHGJ0Xfnby7IiCP5L8dZgaWyNPilM7mtECgYEAhmbM\
    XOFRJNdTAUZgVeTXsAdme26VeFhA0YrbzGuvKOTFbA4KS06Iv89FhApObzBA8yfdTKWl0AlXmLyUr4GLvyU+H3HyCJtD7PSgo8Lvo45l\
    kYm5ghGvf3YaZjrwwGy+EasAoR4TuDpcmbvwghwZdueYp/tuY0GOE6yWuPppSC8=";

/// What tokens are signed with.
pub(crate) enum Key {
    Secret(Vec<u8>),
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(rsa::KeyPair::from_pkcs8(&STANDARD.decode(RSA).unwrap()).unwrap())
    }

    pub(crate) fn ec() -> Self {
        let (kind, random) = (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &random).unwrap())
    }

    pub(crate) fn ed() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// The algorithm that it is for.
    pub(crate) const fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    /// Its public half, as a member of a key set.
    pub(crate) fn public(&self, id: &str) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::Secret(secret) => json!({"kty": "oct", "k": text(secret)}),
            Self::Rsa(pair) => {
                let public: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": text(&public.n), "e": text(&public.e)})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        };
        key["kid"] = json!(id);
        key["use"] = json!("sig");
        key
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signed).unwrap();
                signed
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// A token with any header and any claims.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", text(header), text(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes())))
    }

    /// A token of this key, by its id.
    pub(crate) fn token_of(&self, id: &str, claims: &Value) -> String {
        self.token(&json!({"alg": self.algorithm(), "kid": id}), claims)
    }
}

/// A key set.
pub(crate) fn set(keys: &[Value]) -> Value {
    json!({"keys": keys})
}

/// A server that gives its key set to whoever asks.
pub(crate) struct KeyServer {
    pub(crate) address: SocketAddr,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(crate) async fn start(keys: &Value) -> Self {
        let answer = Arc::new(Mutex::new((200, keys.to_string())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let give = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            let (status, text) = shown.lock().unwrap().clone();
            (axum::http::StatusCode::from_u16(status).unwrap(), text)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/keys", get(give));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, answer, asked }
    }

    /// What it answers from now on.
    pub(crate) fn answer(&self, status: u16, keys: &Value) {
        *self.answer.lock().unwrap() = (status, keys.to_string());
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
