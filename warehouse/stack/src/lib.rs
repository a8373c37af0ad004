//! No code: the features that all crates together ask of the shared dependencies, asked for in one place, so that building
//! one crate, its tests or the whole workspace compiles the heavy stack once and not once per combination.
