//! Tests of the labelled set and of search at scale.

mod labels;
mod quality;
mod recall;
