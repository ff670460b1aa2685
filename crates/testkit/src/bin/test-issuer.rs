//! The test identity provider as a program, for clients that are no Rust tests.
//!
//! `test-issuer TOKEN_LIFETIME_S` prints its issuer in one line, lets everybody in as `alice`, and ends when
//! its standard input does.

#![expect(clippy::print_stdout, reason = "it tells where it listens")]

use std::time::Duration;

use retail_testkit::TestIssuer;
use tokio::io::AsyncReadExt as _;

#[tokio::main]
async fn main() {
    let lifetime_s = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let issuer = TestIssuer::start().await;
    issuer.behave(|behaviour| {
        behaviour.token_lifetime = Duration::from_secs(lifetime_s.unwrap_or(3600));
    });
    println!("{}", issuer.url());
    // Nobody writes there: it ends with whoever started this.
    let mut ignored = Vec::new();
    let _ = tokio::io::stdin().read_to_end(&mut ignored).await;
}
