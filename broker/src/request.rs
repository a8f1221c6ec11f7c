//! From a frame's bytes to a request.
