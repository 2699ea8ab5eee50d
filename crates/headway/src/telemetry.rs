//! Log lines, on standard error.

use tracing_subscriber::EnvFilter;

/// What commands that are no servers log.
pub(crate) const QUIET: &str = "error,rustls_platform_verifier=off";

/// Begins to log. A filter that cannot be read is refused.
pub(crate) fn start(filter: &str, as_json: bool) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| format!("`{filter}` does not filter log lines: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if as_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(console::colors_enabled_stderr()).with_target(false).try_init()
    };
    started.map_err(|error| format!("log lines cannot be written: {error}"))
}
