//! Draws rows as pictures, and always beside them as a table. Dashboards are files `*.toml` of this folder.
