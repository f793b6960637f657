//! Which addresses may be dialled.
//!
//! The rule is a list of small predicates, one for each special range of the IANA registries, so that each can be
//! read and tested alone.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// The longest URL that is accepted, in bytes.
pub const MAX_URL_LENGTH: usize = 2_048;

/// The address rules of a server: the public internet, and the networks that the operator named.
#[derive(Clone, Debug, Default)]
pub struct AddressRules {
    /// Networks that may be dialled although they are not public (`--plugin-allow-net`).
    pub allowed: Vec<IpNet>,
}

impl AddressRules {
    /// Whether a connection to `ip` is permitted. The operator's list wins over everything else.
    ///
    /// The list is compared with the address as it is written: naming `127.0.0.0/8` does not open the IPv6 forms
    /// that carry such an address inside.
    pub fn permits(&self, ip: IpAddr) -> bool {
        self.allowed.iter().any(|network| network.contains(&ip)) || is_public(ip)
    }
}

/// Checks a URL of a plugin or a webhook: http or https, no credentials, no fragment, and no address that is refused.
///
/// The answer is the URL to dial; the error is a sentence for whoever configures it. A host *name* is not resolved
/// here, for its address may be another one by the time of the call: that is the resolver's part. A literal address
/// never gets to the resolver, therefore this must be called again before each request.
pub fn check_url(text: &str, rules: &AddressRules) -> Result<Url, String> {
    if text.len() > MAX_URL_LENGTH {
        return Err(format!("the URL is longer than {MAX_URL_LENGTH} characters"));
    }
    // The parser would drop them in silence; then what is dialled would not be what is shown.
    if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
        return Err("the URL contains white space or control characters".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("the URL is malformed: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the URL must begin with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL must not contain credentials; send them in a header".to_owned());
    }
    if url.fragment().is_some() {
        return Err("the URL must not have a fragment (#…)".to_owned());
    }
    // The parser has turned odd forms (`127.1`, `0x7f.0.0.1`, `2130706433`) into addresses by now.
    let literal = match url.host() {
        None | Some(Host::Domain("" | ".")) => return Err("the URL has no host".to_owned()),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
    };
    match literal {
        Some(ip) if !rules.permits(ip) => {
            Err(format!("the address {ip} may not be called: it is not public"))
        }
        _ => Ok(url),
    }
}

/// Whether an address belongs to the public internet.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !V4_SPECIAL.iter().any(|is_special| is_special(ip)),
        IpAddr::V6(ip) => !V6_SPECIAL.iter().any(|is_special| is_special(ip)),
    }
}

/// Every kind of IPv4 address that is not public.
const V4_SPECIAL: [fn(Ipv4Addr) -> bool; 13] = [
    is_this_network,
    is_loopback_v4,
    is_private,
    is_shared,
    is_link_local_v4,
    is_protocol_assignment_v4,
    is_documentation_v4,
    is_relay_anycast,
    is_benchmarking_v4,
    is_multicast_v4,
    is_reserved,
    is_broadcast,
    is_unspecified_v4,
];

/// Every kind of IPv6 address that is not public.
const V6_SPECIAL: [fn(Ipv6Addr) -> bool; 15] = [
    is_unspecified_v6,
    is_loopback_v6,
    is_v4_mapped,
    is_v4_compatible,
    is_nat64,
    is_local_nat64,
    is_protocol_assignment_v6,
    is_teredo,
    is_6to4,
    is_documentation_v6,
    is_unique_local,
    is_link_local_v6,
    is_site_local,
    is_multicast_v6,
    is_outside_global_unicast,
];

/// 0.0.0.0: many systems take it for the host itself.
fn is_unspecified_v4(ip: Ipv4Addr) -> bool {
    ip.is_unspecified()
}

/// 0.0.0.0/8, "this network" (RFC 1122).
fn is_this_network(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [0, ..])
}

/// 127.0.0.0/8.
fn is_loopback_v4(ip: Ipv4Addr) -> bool {
    ip.is_loopback()
}

/// 10.0.0.0/8, 172.16.0.0/12 and 192.168.0.0/16 (RFC 1918).
fn is_private(ip: Ipv4Addr) -> bool {
    ip.is_private()
}

/// 100.64.0.0/10, between a carrier's NAT and its customers (RFC 6598); clouds keep services there too.
fn is_shared(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [100, 64..=127, ..])
}

/// 169.254.0.0/16 (RFC 3927): the metadata services of the clouds live here.
fn is_link_local_v4(ip: Ipv4Addr) -> bool {
    ip.is_link_local()
}

/// 192.0.0.0/24, protocol assignments (RFC 6890).
fn is_protocol_assignment_v4(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [192, 0, 0, _])
}

/// 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737).
fn is_documentation_v4(ip: Ipv4Addr) -> bool {
    ip.is_documentation()
}

/// 192.88.99.0/24, where 6to4 relays used to answer (RFC 7526).
fn is_relay_anycast(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [192, 88, 99, _])
}

/// 198.18.0.0/15, for benchmarks (RFC 2544).
fn is_benchmarking_v4(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [198, 18 | 19, ..])
}

/// 224.0.0.0/4.
fn is_multicast_v4(ip: Ipv4Addr) -> bool {
    ip.is_multicast()
}

/// 240.0.0.0/4, reserved (RFC 1112).
fn is_reserved(ip: Ipv4Addr) -> bool {
    matches!(ip.octets(), [240..=255, ..])
}

/// 255.255.255.255.
fn is_broadcast(ip: Ipv4Addr) -> bool {
    ip.is_broadcast()
}

/// `::`
fn is_unspecified_v6(ip: Ipv6Addr) -> bool {
    ip.is_unspecified()
}

/// `::1`
fn is_loopback_v6(ip: Ipv6Addr) -> bool {
    ip.is_loopback()
}

/// `::ffff:0:0/96`, an IPv4 address in disguise; systems dial the one inside.
fn is_v4_mapped(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0, 0, 0, 0, 0, 0xffff, ..])
}

/// `::/96`, the older disguise (RFC 4291), now without use.
fn is_v4_compatible(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0, 0, 0, 0, 0, 0, ..])
}

/// `64:ff9b::/96`: a NAT64 gateway dials the IPv4 address inside (RFC 6052).
fn is_nat64(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x64, 0xff9b, 0, 0, 0, 0, ..])
}

/// `64:ff9b:1::/48`, the same for local use (RFC 8215).
fn is_local_nat64(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x64, 0xff9b, 1, ..])
}

/// `2001::/23`, protocol assignments (RFC 2928): benchmarks, ORCHID, anycast of protocols.
fn is_protocol_assignment_v6(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x2001, 0..=0x1ff, ..])
}

/// `2001::/32`, Teredo: an IPv4 address behind a tunnel (RFC 4380).
fn is_teredo(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x2001, 0, ..])
}

/// `2002::/16`, 6to4: an IPv4 address behind a relay (RFC 3056).
fn is_6to4(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x2002, ..])
}

/// `2001:db8::/32` (RFC 3849) and `3fff::/20` (RFC 9637).
fn is_documentation_v6(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..])
}

/// `fc00::/7` (RFC 4193), the private networks of IPv6.
fn is_unique_local(ip: Ipv6Addr) -> bool {
    ip.is_unique_local()
}

/// `fe80::/10`
fn is_link_local_v6(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local()
}

/// `fec0::/10`, private networks before `fc00::/7` (RFC 3879).
fn is_site_local(ip: Ipv6Addr) -> bool {
    matches!(ip.segments(), [0xfec0..=0xfeff, ..])
}

/// `ff00::/8`
fn is_multicast_v6(ip: Ipv6Addr) -> bool {
    ip.is_multicast()
}

/// Everything but `2000::/3`, the only part of IPv6 that is given out to the public: what gets a meaning later is
/// refused until it is known.
fn is_outside_global_unicast(ip: Ipv6Addr) -> bool {
    !matches!(ip.segments(), [0x2000..=0x3fff, ..])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Checks one IPv4 predicate against addresses inside and just outside its range, and that the rules refuse all
    /// that are inside.
    fn check_v4(predicate: fn(Ipv4Addr) -> bool, inside: &[&str], outside: &[&str]) {
        for text in inside {
            assert!(predicate(text.parse().unwrap()), "{text} is inside");
            assert!(!AddressRules::default().permits(text.parse().unwrap()), "{text} is refused");
        }
        for text in outside {
            assert!(!predicate(text.parse().unwrap()), "{text} is outside");
        }
    }

    /// The same for IPv6.
    fn check_v6(predicate: fn(Ipv6Addr) -> bool, inside: &[&str], outside: &[&str]) {
        for text in inside {
            assert!(predicate(text.parse().unwrap()), "{text} is inside");
            assert!(!AddressRules::default().permits(text.parse().unwrap()), "{text} is refused");
        }
        for text in outside {
            assert!(!predicate(text.parse().unwrap()), "{text} is outside");
        }
    }

    #[test]
    fn every_ipv4_range_has_its_bounds() {
        check_v4(is_unspecified_v4, &["0.0.0.0"], &["0.0.0.1"]);
        check_v4(is_this_network, &["0.0.0.0", "0.255.255.255"], &["1.0.0.0"]);
        check_v4(is_loopback_v4, &["127.0.0.1", "127.255.255.255"], &["126.255.255.255", "128.0.0.0"]);
        check_v4(
            is_private,
            &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"],
            &["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0"],
        );
        check_v4(is_shared, &["100.64.0.0", "100.127.255.255"], &["100.63.255.255", "100.128.0.0"]);
        check_v4(is_link_local_v4, &["169.254.0.0", "169.254.169.254"], &["169.253.255.255", "169.255.0.0"]);
        check_v4(is_protocol_assignment_v4, &["192.0.0.0", "192.0.0.255"], &["192.0.1.0"]);
        check_v4(
            is_documentation_v4,
            &["192.0.2.0", "192.0.2.255", "198.51.100.1", "203.0.113.1"],
            &["192.0.3.0", "198.51.101.0", "203.0.114.0"],
        );
        check_v4(is_relay_anycast, &["192.88.99.0", "192.88.99.255"], &["192.88.98.255", "192.88.100.0"]);
        check_v4(is_benchmarking_v4, &["198.18.0.0", "198.19.255.255"], &["198.17.255.255", "198.20.0.0"]);
        check_v4(is_multicast_v4, &["224.0.0.0", "239.255.255.255"], &["223.255.255.255", "240.0.0.0"]);
        check_v4(is_reserved, &["240.0.0.0", "255.255.255.255"], &["239.255.255.255"]);
        check_v4(is_broadcast, &["255.255.255.255"], &["255.255.255.254"]);
    }

    #[test]
    fn every_ipv6_range_has_its_bounds() {
        check_v6(is_unspecified_v6, &["::"], &["::1"]);
        check_v6(is_loopback_v6, &["::1"], &["::2"]);
        check_v6(
            is_v4_mapped,
            &["::ffff:127.0.0.1", "::ffff:8.8.8.8"],
            &["::fffe:8.8.8.8", "::1:ffff:8.8.8.8"],
        );
        check_v6(is_v4_compatible, &["::127.0.0.1", "::8.8.8.8"], &["::ffff:8.8.8.8", "::1:0:0"]);
        check_v6(is_nat64, &["64:ff9b::", "64:ff9b::10.0.0.1"], &["64:ff9b:0:0:0:1::", "64:ff9c::"]);
        check_v6(is_local_nat64, &["64:ff9b:1::", "64:ff9b:1:ffff::10.0.0.1"], &["64:ff9b:2::", "64:ff9b::"]);
        check_v6(
            is_protocol_assignment_v6,
            &["2001::", "2001:2::1", "2001:1ff:ffff::"],
            &["2001:200::", "2002::"],
        );
        check_v6(is_teredo, &["2001::", "2001:0:ffff::"], &["2001:1::"]);
        check_v6(is_6to4, &["2002::", "2002:7f00:1::", "2002:ffff::"], &["2001:ffff::", "2003::"]);
        check_v6(
            is_documentation_v6,
            &["2001:db8::", "2001:db8:ffff::", "3fff::", "3fff:fff::"],
            &["2001:db9::", "3fff:1000::"],
        );
        check_v6(is_unique_local, &["fc00::", "fd00:ec2::254", "fdff:ffff::"], &["fbff::", "fe00::"]);
        check_v6(is_link_local_v6, &["fe80::1", "febf:ffff::"], &["fe7f::", "fec0::"]);
        check_v6(is_site_local, &["fec0::", "feff:ffff::"], &["febf::", "ff00::"]);
        check_v6(is_multicast_v6, &["ff00::", "ff02::1", "ffff::"], &["feff::"]);
        check_v6(
            is_outside_global_unicast,
            &["1fff::", "4000::", "100::1", "5f00::1"],
            &["2000::", "3fff:ffff::", "2606:4700::1111"],
        );
    }

    #[test]
    fn public_addresses_are_permitted() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
        ] {
            assert!(AddressRules::default().permits(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn the_operators_list_wins_and_opens_nothing_else() {
        let rules = rules(&["10.1.0.0/16", "fd00:1::/32"]);
        for (text, expected) in [
            ("10.1.0.1", true),
            ("10.2.0.1", false),
            ("127.0.0.1", false),
            ("fd00:1::1", true),
            ("fd00:2::1", false),
            ("::ffff:10.1.0.1", false),
            ("64:ff9b::10.1.0.1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(rules.permits(text.parse().unwrap()), expected, "{text}");
        }
    }

    fn rules(networks: &[&str]) -> AddressRules {
        AddressRules { allowed: networks.iter().map(|network| network.parse().unwrap()).collect() }
    }

    #[test]
    fn a_sound_url_is_accepted() {
        for text in [
            "https://plugins.example/check",
            "http://plugins.example:9000/check?strict=1",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]:8443/x",
            "https://bücher.example/",
            // Names are the resolver's part.
            "http://localhost:9000/",
        ] {
            assert!(check_url(text, &AddressRules::default()).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_unsound_url_is_refused_with_its_reason() {
        let long = format!("https://example.org/{}", "x".repeat(MAX_URL_LENGTH));
        for (text, reason) in [
            ("", "malformed"),
            ("plugins.example/check", "malformed"),
            ("/check", "malformed"),
            ("https://", "malformed"),
            ("https://?x", "malformed"),
            ("https://./", "no host"),
            ("http://[fe80::1%25eth0]/", "malformed"),
            ("ftp://example.org/", "must begin with http"),
            ("file:///etc/passwd", "must begin with http"),
            ("gopher://example.org/", "must begin with http"),
            ("data:text/plain,hello", "must begin with http"),
            ("https://user@example.org/", "credentials"),
            ("https://user:secret@example.org/", "credentials"),
            ("https://:secret@example.org/", "credentials"),
            ("https://example.org/#part", "fragment"),
            ("https://example.org/#", "fragment"),
            (" https://example.org/", "white space"),
            ("https://exam\nple.org/", "white space"),
            ("https://example.org/\0", "white space"),
            (long.as_str(), "longer than"),
        ] {
            let error = check_url(text, &AddressRules::default()).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_literal_address_is_checked_in_whatever_form_it_comes() {
        for host in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "0",
            "10.0.0.1",
            "169.254.169.254",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[fd00:ec2::254]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
        ] {
            for text in [format!("http://{host}/"), format!("https://{host}:8443/x?y")] {
                let error = check_url(&text, &AddressRules::default()).unwrap_err();
                assert!(error.contains("may not be called"), "{text}: {error}");
            }
        }
        let loopback = rules(&["127.0.0.0/8"]);
        for host in ["127.0.0.1", "127.1", "2130706433"] {
            let url = check_url(&format!("http://{host}:9000/"), &loopback).unwrap();
            assert_eq!(url.as_str(), "http://127.0.0.1:9000/");
        }
    }
}
