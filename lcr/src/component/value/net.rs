//! Addresses of the Internet, as their octets in the order of the network.

use std::net;

use super::form::{Form, cross_by_form};

/// The forms, which have the names of their types.
mod form {
    /// That of [`std::net::IpAddr`].
    #[derive(Debug, lcr::Abi)]
    pub enum IpAddr {
        V4([u8; 4]),
        V6([u8; 16]),
    }

    /// That of [`std::net::SocketAddrV4`].
    #[derive(Debug, lcr::Abi)]
    pub struct SocketAddrV4 {
        pub octets: [u8; 4],
        pub port: u16,
    }

    /// That of [`std::net::SocketAddrV6`].
    #[derive(Debug, lcr::Abi)]
    pub struct SocketAddrV6 {
        pub octets: [u8; 16],
        pub port: u16,
        pub flow_info: u32,
        pub scope_id: u32,
    }

    /// That of [`std::net::SocketAddr`].
    #[derive(Debug, lcr::Abi)]
    pub enum SocketAddr {
        V4(SocketAddrV4),
        V6(SocketAddrV6),
    }
}

impl Form for net::Ipv4Addr {
    type Form = [u8; 4];
    const NAME: &'static str = "std::Ipv4Addr";
    fn into_form(self) -> [u8; 4] {
        self.octets()
    }
    fn from_form(octets: [u8; 4]) -> net::Ipv4Addr {
        octets.into()
    }
}

impl Form for net::Ipv6Addr {
    type Form = [u8; 16];
    const NAME: &'static str = "std::Ipv6Addr";
    fn into_form(self) -> [u8; 16] {
        self.octets()
    }
    fn from_form(octets: [u8; 16]) -> net::Ipv6Addr {
        octets.into()
    }
}

impl Form for net::IpAddr {
    type Form = form::IpAddr;
    const NAME: &'static str = "std::IpAddr";
    fn into_form(self) -> form::IpAddr {
        match self {
            net::IpAddr::V4(address) => form::IpAddr::V4(address.octets()),
            net::IpAddr::V6(address) => form::IpAddr::V6(address.octets()),
        }
    }
    fn from_form(form: form::IpAddr) -> net::IpAddr {
        match form {
            form::IpAddr::V4(octets) => octets.into(),
            form::IpAddr::V6(octets) => octets.into(),
        }
    }
}

impl Form for net::SocketAddrV4 {
    type Form = form::SocketAddrV4;
    const NAME: &'static str = "std::SocketAddrV4";
    fn into_form(self) -> form::SocketAddrV4 {
        form::SocketAddrV4 { octets: self.ip().octets(), port: self.port() }
    }
    fn from_form(form: form::SocketAddrV4) -> net::SocketAddrV4 {
        net::SocketAddrV4::new(form.octets.into(), form.port)
    }
}

impl Form for net::SocketAddrV6 {
    type Form = form::SocketAddrV6;
    const NAME: &'static str = "std::SocketAddrV6";
    fn into_form(self) -> form::SocketAddrV6 {
        form::SocketAddrV6 {
            octets: self.ip().octets(),
            port: self.port(),
            flow_info: self.flowinfo(),
            scope_id: self.scope_id(),
        }
    }
    fn from_form(form: form::SocketAddrV6) -> net::SocketAddrV6 {
        net::SocketAddrV6::new(form.octets.into(), form.port, form.flow_info, form.scope_id)
    }
}

impl Form for net::SocketAddr {
    type Form = form::SocketAddr;
    const NAME: &'static str = "std::SocketAddr";
    fn into_form(self) -> form::SocketAddr {
        match self {
            net::SocketAddr::V4(address) => form::SocketAddr::V4(address.into_form()),
            net::SocketAddr::V6(address) => form::SocketAddr::V6(address.into_form()),
        }
    }
    fn from_form(form: form::SocketAddr) -> net::SocketAddr {
        match form {
            form::SocketAddr::V4(form) => net::SocketAddrV4::from_form(form).into(),
            form::SocketAddr::V6(form) => net::SocketAddrV6::from_form(form).into(),
        }
    }
}

cross_by_form! {
    {} net::Ipv4Addr;
    {} net::Ipv6Addr;
    {} net::IpAddr;
    {} net::SocketAddrV4;
    {} net::SocketAddrV6;
    {} net::SocketAddr;
}
