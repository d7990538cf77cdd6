//! Which addresses are public, and a resolver that gives no others: the address that was looked at is the one that is
//! connected to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::options::Reach;

/// Whether `address` is one of the public internet, by the special-purpose registries of IANA.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, private, loopback, link-local (metadata of clouds), private.
        (0 | 10 | 127, ..) | (169, 254, _) | (192, 168, _) => true,
        (172, b, _) => (16..32).contains(&b),
        // Shared by carriers.
        (100, b, _) => (64..128).contains(&b),
        // Protocol assignments, documentation, relays, benchmarks.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113) => true,
        // Multicast, reserved, broadcast.
        (224.., ..) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // IPv4 within IPv6: mapped, translated (NAT64), tunnelled (6to4).
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID and other assignments; documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        // All that is handed out is here; unique local, link-local, multicast, loopback are not.
        [first, ..] => (0x2000..0x3fff).contains(&first),
    }
}

/// Whether the host of `url`, if it is an address, may be connected to. Names are looked at when they are resolved.
pub(super) fn may_be_reached(url: &Url, reach: Reach) -> bool {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        Some(Host::Domain(_)) | None => return true,
    };
    reach == Reach::Anywhere || is_public(address)
}

/// Resolves names by the system, and keeps to what may be reached.
pub(super) struct Resolver {
    pub reach: Reach,
}

/// Why a name led to no address.
#[derive(Debug)]
pub(super) enum Unresolved {
    /// The system knows none.
    Unknown(String),
    /// It has only addresses that may not be reached.
    Private,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(why) => f.write_str(why),
            Self::Private => f.write_str("only private addresses"),
        }
    }
}

impl std::error::Error for Unresolved {}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let asked = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs().map(Vec::from_iter));
            let found: Vec<SocketAddr> = match asked.await {
                Ok(Ok(found)) => found,
                Ok(Err(error)) => return Err(Unresolved::Unknown(error.to_string()).into()),
                Err(error) => return Err(Unresolved::Unknown(error.to_string()).into()),
            };
            let allowed = allowed(found, reach)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Of the addresses that a name has, those that may be reached.
fn allowed(found: Vec<SocketAddr>, reach: Reach) -> Result<Vec<SocketAddr>, Unresolved> {
    if found.is_empty() {
        return Err(Unresolved::Unknown("the name has no address".into()));
    }
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|at| reach == Reach::Anywhere || is_public(at.ip())).collect();
    if allowed.is_empty() { Err(Unresolved::Private) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public_however_they_are_written() {
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(private.parse().expect("an address")), "{private}");
        }
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().expect("an address")), "{public}");
        }
    }

    #[test]
    fn a_url_hides_no_private_address_behind_another_spelling() {
        for url in ["http://2130706433/", "http://0x7f.1/", "http://017700000001/", "http://[::ffff:7f00:1]/", "http://127.1:80/"] {
            let url = Url::parse(url).expect("a URL");
            assert!(!may_be_reached(&url, Reach::Public) && may_be_reached(&url, Reach::Anywhere), "{url}");
        }
        assert!(may_be_reached(&Url::parse("https://example.org/").expect("a URL"), Reach::Public));
    }

    #[test]
    fn a_name_is_connected_to_at_its_public_addresses_only() {
        let at = |text: &str| SocketAddr::new(text.parse().expect("an address"), 0);
        let both = vec![at("10.0.0.1"), at("8.8.8.8")];
        assert_eq!(allowed(both.clone(), Reach::Public).expect("one"), [at("8.8.8.8")]);
        assert_eq!(allowed(both, Reach::Anywhere).expect("both").len(), 2);
        assert!(matches!(allowed(vec![at("::1"), at("127.0.0.1")], Reach::Public), Err(Unresolved::Private)));
        assert!(matches!(allowed(Vec::new(), Reach::Anywhere), Err(Unresolved::Unknown(_))));
    }
}
