//! Where a request comes from: the other end of the connection, or what a trusted proxy says.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use http::header::FORWARDED;
use retail_auth::PeerNetwork;

use crate::config::{ProxyHeader, ServerConfig};

/// The address of the client, as far as it can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

impl ClientAddress {
    /// What limits are counted by: an IPv4 address, or the network that one IPv6 subscriber has.
    pub(super) fn limited_as(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
        }
    }
}

/// Who is believed, and what.
#[derive(Debug, Clone)]
pub(super) struct Proxies {
    networks: Arc<[PeerNetwork]>,
    header: ProxyHeader,
}

impl Proxies {
    pub(super) fn new(config: &ServerConfig) -> Self {
        Self { networks: config.proxies.clone().into(), header: config.proxy_header }
    }

    /// Whether the other end of a connection is a proxy of ours.
    pub(super) fn include(&self, peer: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(peer))
    }

    /// The right-most address that is no proxy of ours: each proxy writes down whom it talked to, and
    /// what stands left of that is only what a stranger said.
    pub(super) fn client_of(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        let mut client = peer.to_canonical();
        if self.networks.is_empty() {
            return ClientAddress(client);
        }
        let values: Vec<&str> = match self.header {
            ProxyHeader::XForwardedFor => headers.get_all("x-forwarded-for").iter(),
            ProxyHeader::Forwarded => headers.get_all(FORWARDED).iter(),
        }
        .map(|value| value.to_str().unwrap_or_default())
        .collect();
        for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            if !self.networks.iter().any(|network| network.contains(client)) {
                break;
            }
            let address = match self.header {
                ProxyHeader::XForwardedFor => address_in(hop.trim()),
                ProxyHeader::Forwarded => forwarded_for(hop),
            };
            // An address that cannot be read: the proxy that wrote it is as much as is known.
            let Some(address) = address else { break };
            client = address;
        }
        ClientAddress(client)
    }
}

/// The `for` of one hop of `Forwarded`.
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let value = hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
    })?;
    address_in(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value))
}

/// An address, with or without a port.
fn address_in(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|both| both.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn client(header: ProxyHeader, peer: &str, values: &[&str]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let proxies = Proxies { networks: networks.into(), header };
        let name = match header {
            ProxyHeader::XForwardedFor => "x-forwarded-for",
            ProxyHeader::Forwarded => "forwarded",
        };
        let mut headers = HeaderMap::new();
        // What the proxy does not write is passed on as the client sent it.
        headers.append("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.append("forwarded", "for=6.6.6.6".parse().unwrap());
        headers.append("x-real-ip", "6.6.6.6".parse().unwrap());
        headers.remove(name);
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        proxies.client_of(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[rstest]
    #[case::nobody_is_believed("203.0.113.9", &["1.2.3.4"], "203.0.113.9")]
    #[case::not_even_this_machine("127.0.0.1", &["1.2.3.4"], "127.0.0.1")]
    #[case::a_stranger_names_a_proxy("203.0.113.9", &["10.0.0.1"], "203.0.113.9")]
    #[case::a_proxy("10.0.0.1", &["1.2.3.4"], "1.2.3.4")]
    #[case::mapped("::ffff:10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4")]
    #[case::two_proxies("10.0.0.1", &["1.2.3.4, 10.0.0.2"], "1.2.3.4")]
    #[case::the_client_said_more("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4")]
    #[case::in_two_headers("10.0.0.1", &["6.6.6.6", "1.2.3.4, 10.0.0.2"], "1.2.3.4")]
    #[case::the_client_named_a_proxy("10.0.0.1", &["6.6.6.6, 10.0.0.7, 1.2.3.4"], "1.2.3.4")]
    #[case::with_a_port("10.0.0.1", &["1.2.3.4:5678"], "1.2.3.4")]
    #[case::ipv6("fd00::1", &["[2001:db8::1]:5678"], "2001:db8::1")]
    #[case::nothing_readable("10.0.0.1", &["unknown"], "10.0.0.1")]
    #[case::nothing_readable_behind("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2")]
    #[case::nothing("10.0.0.1", &[], "10.0.0.1")]
    #[case::empty("10.0.0.1", &[""], "10.0.0.1")]
    #[case::all_are_proxies("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3")]
    fn x_forwarded_for(#[case] peer: &str, #[case] values: &[&str], #[case] expected: &str) {
        assert_eq!(client(ProxyHeader::XForwardedFor, peer, values), expected);
    }

    #[rstest]
    #[case("203.0.113.9", &["for=1.2.3.4"], "203.0.113.9")]
    #[case("10.0.0.1", &["for=1.2.3.4;proto=https;by=10.0.0.1"], "1.2.3.4")]
    #[case("10.0.0.1", &["proto=https; For=\"[2001:db8::1]:4711\""], "2001:db8::1")]
    #[case("10.0.0.1", &["for=6.6.6.6, for=1.2.3.4, for=10.0.0.2"], "1.2.3.4")]
    #[case("10.0.0.1", &["for=6.6.6.6", "for=1.2.3.4"], "1.2.3.4")]
    #[case("10.0.0.1", &["for=6.6.6.6, for=_hidden"], "10.0.0.1")]
    #[case("10.0.0.1", &["for=6.6.6.6, proto=https"], "10.0.0.1")]
    fn forwarded(#[case] peer: &str, #[case] values: &[&str], #[case] expected: &str) {
        assert_eq!(client(ProxyHeader::Forwarded, peer, values), expected);
    }

    #[rstest]
    #[case("1.2.3.4", "1.2.3.4")]
    #[case("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::")]
    fn one_subscriber_is_one_client(#[case] address: &str, #[case] counted: &str) {
        let address = ClientAddress(address.parse().unwrap());
        assert_eq!(address.limited_as().to_string(), counted);
    }
}
