//! Sessions over a socket pair, as a host sees them.
