//! Tables of what matches, what is refused and what becomes of bodies, and what holds for all patterns.

mod bodies;
mod malformed;
mod matching;
mod properties;
