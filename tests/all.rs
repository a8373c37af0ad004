//! The one test binary seen from outside. The real clients are in `python/`.

mod house;
