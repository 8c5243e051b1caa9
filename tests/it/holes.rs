//! Known holes of other registries: each test attacks this one in the same way, over HTTP.

mod digests;
mod enumeration;
mod grants;
mod lists;
mod passwords;
mod revocation;
mod tags;
mod tokens;
mod uploads;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::harness::Harness;

/// Where each hole was seen, and how the names of its tests begin.
const HOLES: [(&str, &[&str]); 19] = [
    ("Distribution CVE-2023-2253", &["distribution_cve_2023_2253_"]),
    ("Distribution CVE-2025-24976", &["distribution_cve_2025_24976_"]),
    ("Distribution CVE-2026-35172, -33540", &["distribution_cve_2026_35172_", "distribution_cve_2026_33540_"]),
    ("Distribution CVE-2026-41888", &["distribution_cve_2026_41888_"]),
    ("OCI CVE-2021-41190", &["oci_cve_2021_41190_"]),
    ("zot CVE-2024-39897, Harbor #23270", &["zot_cve_2024_39897_", "harbor_23270_"]),
    ("zot CVE-2026-31801, #4266", &["zot_cve_2026_31801_", "zot_4266_"]),
    ("zot GHSA-c9p4-xwr9-rfhx", &["zot_ghsa_c9p4_xwr9_rfhx_"]),
    ("zot, its source", &["zot_source_"]),
    ("Harbor #22900", &["harbor_22900_"]),
    ("Harbor, session store", &["harbor_session_store_"]),
    ("Harbor CVE-2019-16097, -2022-31667…31671", &["harbor_cve_2019_16097_", "harbor_cve_2022_31667_"]),
    ("Harbor CVE-2020-13794 and others", &["harbor_cve_2020_13794_"]),
    ("Quay CVE-2026-32589", &["quay_cve_2026_32589_"]),
    ("Quay CVE-2024-9683", &["quay_cve_2024_9683_"]),
    ("docker_auth", &["docker_auth_"]),
    ("angos", &["angos_"]),
    ("trow", &["trow_"]),
    ("Portus, Harbor", &["portus_"]),
];

const SOURCES: [&str; 9] = [
    include_str!("holes/digests.rs"),
    include_str!("holes/enumeration.rs"),
    include_str!("holes/grants.rs"),
    include_str!("holes/lists.rs"),
    include_str!("holes/passwords.rs"),
    include_str!("holes/revocation.rs"),
    include_str!("holes/tags.rs"),
    include_str!("holes/tokens.rs"),
    include_str!("holes/uploads.rs"),
];

#[test]
fn every_hole_has_a_test_and_every_test_a_hole() {
    let tests: Vec<&str> = SOURCES
        .iter()
        .flat_map(|source| source.split("#[tokio::test]").skip(1))
        .map(|rest| rest.split("async fn ").nth(1).unwrap().split('(').next().unwrap())
        .collect();
    for (seen_in, prefixes) in HOLES {
        for prefix in prefixes {
            assert!(tests.iter().any(|test| test.starts_with(prefix)), "{seen_in}: no test begins with {prefix}");
        }
    }
    for test in tests {
        assert!(HOLES.iter().any(|(_, prefixes)| prefixes.iter().any(|prefix| test.starts_with(prefix))), "{test}");
    }
}

/// The `Authorization` header of a name and a password.
fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// The token that a user gets for scopes.
async fn token(server: &Harness, user: &str, scopes: &[&str]) -> String {
    let answer = server.user(user).token("portolan", scopes).await.is(200).json();
    answer["token"].as_str().unwrap().to_owned()
}

/// A repository's file with this content of its permissions section.
fn repository(permissions: &str) -> String {
    format!("repo:\n  type: docker\n  storage: default\n  permissions: {{{permissions}}}\n")
}

/// A storages file whose one storage is a folder.
fn storage_in(folder: &std::path::Path) -> String {
    format!("storages:\n  default: {{type: fs, path: '{}'}}\n", folder.display())
}

/// One connection, which is certainly the same for all requests.
struct Line(BufReader<TcpStream>);

impl Line {
    async fn open(server: &Harness) -> Self {
        Self(BufReader::new(TcpStream::connect(&server.address).await.unwrap()))
    }

    /// The status of a GET.
    async fn get(&mut self, path: &str, authorization: &str) -> u16 {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nAuthorization: {authorization}\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let start = head.len();
            assert_ne!(self.0.read_line(&mut head).await.unwrap(), 0, "the connection was closed: {head}");
            let line = head[start..].trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }
}
