mod answers;
mod arbitrary;
mod headers;
mod options;
