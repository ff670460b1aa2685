//! Each way in which a credential can be wrong.

#[cfg(test)]
mod acting;
#[cfg(test)]
mod dev_token;
#[cfg(unix)]
#[cfg(test)]
mod key_file;
#[cfg(feature = "oidc")]
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trusted_header;
