//! Each way in which a credential can be wrong.

#[cfg(test)]
mod dev_token;
#[cfg(unix)]
#[cfg(test)]
mod key_file;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trusted_header;
