//! Which addresses are closed to functions: all that are not the public internet's, unless the operator opens them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// IPv4 networks that are closed, and what they are. Source: IANA's registry of special-purpose addresses.
const CLOSED_V4: &[([u8; 4], u8, &str)] = &[
    ([0, 0, 0, 0], 8, "an address of this network itself"),
    ([10, 0, 0, 0], 8, "a private address"),
    ([100, 64, 0, 0], 10, "an address of a carrier's network"),
    ([127, 0, 0, 0], 8, "a loopback address"),
    ([169, 254, 0, 0], 16, "a link-local address"),
    ([172, 16, 0, 0], 12, "a private address"),
    ([192, 0, 0, 0], 24, "an address for protocols"),
    ([192, 0, 2, 0], 24, "an address for documentation"),
    ([192, 88, 99, 0], 24, "a relay's address"),
    ([192, 168, 0, 0], 16, "a private address"),
    ([198, 18, 0, 0], 15, "an address for benchmarks"),
    ([198, 51, 100, 0], 24, "an address for documentation"),
    ([203, 0, 113, 0], 24, "an address for documentation"),
    ([224, 0, 0, 0], 4, "a multicast address"),
    ([240, 0, 0, 0], 4, "a reserved address"),
    // The one metadata service that has a public address: Azure's.
    ([168, 63, 129, 16], 32, "the address of a cloud's own services"),
];

/// IPv6 networks that are closed, within and outside the one that is public at all.
const CLOSED_V6: &[([u16; 8], u8, &str)] = &[
    ([0; 8], 128, "the address of nothing"),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, "a loopback address"),
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "an address to discard to"),
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a private address"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "a link-local address"),
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "a private address"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "a multicast address"),
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "an address within a Teredo tunnel"),
    // Benchmarks, ORCHID and others.
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "an address for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "an address for documentation"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "an address for documentation"),
];

/// The global unicast addresses, outside of which nothing is public: RFC 4291.
const PUBLIC_V6: ([u16; 8], u8) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// The address that is meant: an IPv4 address in the form of an IPv6 one is the IPv4 address to every socket.
pub(crate) fn meant(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What makes the address one that functions may not connect to; nothing, if it is public or the operator opened it.
pub(crate) fn closed(address: IpAddr, opened: &[IpNet]) -> Option<&'static str> {
    let address = meant(address);
    let reason = not_public(address)?;
    (!opened.iter().any(|network| network.contains(&address))).then_some(reason)
}

fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    let within = |network: [u8; 4], bits: u8| {
        let mask = u32::MAX << (32 - u32::from(bits));
        (address.to_bits() ^ Ipv4Addr::from(network).to_bits()) & mask == 0
    };
    CLOSED_V4.iter().find(|(network, bits, _)| within(*network, *bits)).map(|&(_, _, reason)| reason)
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let within = |network: [u16; 8], bits: u8| {
        let mask = u128::MAX << (128 - u32::from(bits));
        (address.to_bits() ^ Ipv6Addr::from(network).to_bits()) & mask == 0
    };
    if let Some(&(_, _, reason)) = CLOSED_V6.iter().find(|(network, bits, _)| within(*network, *bits)) {
        return Some(reason);
    }
    match within_v6(address) {
        Some(carried) => not_public_v4(carried),
        None if within(PUBLIC_V6.0, PUBLIC_V6.1) => None,
        None => Some("an address outside the public internet"),
    }
}

/// The IPv4 address to which a translator or a tunnel may carry what is sent to this one.
fn within_v6(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let parts = address.segments();
    let v4 = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match parts {
        // Compatible (RFC 4291) and mapped.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => v4(high, low),
        // NAT64: RFC 6052. Its other prefix, 64:ff9b:1::/48, is for private networks and not public.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // 6to4: RFC 3056.
        [0x2002, high, low, ..] => v4(high, low),
        // ISATAP: RFC 5214, within any public network.
        [first, _, _, _, 0 | 0x200, 0x5efe, high, low] if first >> 13 == 1 => v4(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed_by(address: &str, opened: &[&str]) -> Option<&'static str> {
        let opened: Vec<IpNet> = opened.iter().map(|network| network.parse().expect("a network")).collect();
        closed(address.parse().expect("an address"), &opened)
    }

    #[test]
    fn what_is_not_the_public_internets_is_closed() {
        for address in [
            // IPv4, at the ends of its networks.
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.1",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "100.100.100.200",
            // IPv6.
            "::",
            "::1",
            "100::1",
            "fc00::",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "feff::1",
            "ff02::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "4000::1",
            "1::1",
            "64:ff9b:1::1",
            "64:ff9b:1::7f00:1",
            // IPv4 within IPv6: mapped, compatible, translated, NAT64, 6to4, ISATAP.
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::10.0.0.1",
            "::ffff:0:127.0.0.1",
            "::ffff:0:8.8.8.8",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::169.254.169.254",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:a9fe:a9fe::1",
            "2600::5efe:10.0.0.1",
            "2600::200:5efe:127.0.0.1",
        ] {
            assert!(closed_by(address, &[]).is_some(), "{address} is open");
        }
    }

    #[test]
    fn public_addresses_are_open() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2600::1",
            "2a00:1450::1",
            "2001:4860:4860::8888",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2600::5efe:8.8.8.8",
        ] {
            assert_eq!(closed_by(address, &[]), None, "{address}");
        }
    }

    #[test]
    fn the_operator_opens_networks_by_the_address_that_is_meant() {
        assert_eq!(closed_by("10.1.2.3", &["10.0.0.0/8"]), None);
        assert_eq!(closed_by("::ffff:10.1.2.3", &["10.0.0.0/8"]), None);
        assert_eq!(closed_by("11.0.0.1", &["10.0.0.0/8"]), None, "a public address stays open");
        assert_eq!(closed_by("127.0.0.1", &["10.0.0.0/8", "::/0"]), Some("a loopback address"));
        assert_eq!(closed_by("::1", &["127.0.0.1/32"]), Some("a loopback address"));
        // A translator is another way to an address, which is not opened with it.
        assert_eq!(closed_by("64:ff9b::10.1.2.3", &["10.0.0.0/8"]), Some("a private address"));
        assert_eq!(closed_by("fd00::1", &["fd00::/8"]), None);
    }
}
