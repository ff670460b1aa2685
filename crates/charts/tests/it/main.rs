//! Charts as a person, a screen reader and a program meet them.

#[cfg(test)]
mod app;
#[cfg(test)]
mod charts;
#[cfg(test)]
mod json;
#[cfg(test)]
mod safety;
#[cfg(test)]
mod snapshots;
