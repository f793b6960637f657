//! Names to addresses, permitted ones only.
//!
//! The HTTP client dials what this resolver answers and nothing else, so that no second look-up can put another
//! address in place of the one that was checked.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::AddressRules;

/// The system's resolver with refused addresses taken out of its answers.
#[derive(Clone, Debug)]
pub(super) struct CheckedResolver {
    rules: Arc<AddressRules>,
}

/// A name has addresses, but none that may be dialled. Which ones they are is nobody's business outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host has no address that may be called")]
pub(super) struct NothingPermitted;

impl CheckedResolver {
    /// A resolver that follows `rules`.
    pub(super) const fn new(rules: Arc<AddressRules>) -> Self {
        Self { rules }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            // Port 0 stands for the port of the URL, which the client fills in.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted = keep_permitted(found, &rules)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be dialled, in the order in which they came.
fn keep_permitted(
    found: impl Iterator<Item = SocketAddr>,
    rules: &AddressRules,
) -> Result<Vec<SocketAddr>, NothingPermitted> {
    let permitted: Vec<_> = found.filter(|address| rules.permits(address.ip())).collect();
    if permitted.is_empty() { Err(NothingPermitted) } else { Ok(permitted) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn refused_addresses_are_dropped_and_the_order_is_kept() {
        let found = addresses(&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111", "1.1.1.1"]);
        let kept = keep_permitted(found.into_iter(), &AddressRules::default()).unwrap();
        assert_eq!(kept, addresses(&["8.8.8.8", "2606:4700::1111", "1.1.1.1"]));
    }

    #[test]
    fn a_name_with_refused_addresses_only_has_none() {
        let found = addresses(&["10.0.0.1", "::1"]);
        assert_eq!(keep_permitted(found.into_iter(), &AddressRules::default()), Err(NothingPermitted));
    }

    #[tokio::test]
    async fn localhost_is_refused_unless_the_operator_allows_it() {
        let refused = CheckedResolver::new(Arc::default()).resolve("localhost".parse().unwrap()).await;
        assert!(refused.err().unwrap().is::<NothingPermitted>());

        let rules =
            AddressRules { allowed: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()] };
        let permitted = CheckedResolver::new(Arc::new(rules)).resolve("localhost".parse().unwrap()).await;
        assert!(permitted.unwrap().all(|address| address.ip().is_loopback()));
    }
}
