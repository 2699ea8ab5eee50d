//! An in-memory model of the port.
