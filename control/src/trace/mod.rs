//! Traces and explanations in the words of the rules: counters become table, chain and rule.

mod answer;
mod book;
mod step;
mod supposed;

pub(crate) use book::Book;
pub(crate) use step::step;
pub(crate) use supposed::supposed;
