//! The configuration as text: what is in effect, and what could be.

use std::fmt::Write;

use headway_protocol::batch::Executor;
use serde_json::json;

use super::key::KEYS;
use super::value::HIDDEN;
use super::{Configuration, Value};

/// What is in effect, as TOML whose comments say where each value comes from. Secrets are hidden.
pub(crate) fn print(configuration: &Configuration) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (here, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if here != section {
            section = here;
            writeln(&mut text, &format!("\n[{section}]"));
        }
        match configuration.values.get(key.path) {
            Some((value, origin)) => {
                writeln(&mut text, &format!("{name} = {}  # {origin}", value.to_toml()));
            }
            None => writeln(&mut text, &format!("# {name} is not set")),
        }
    }
    for (name, (kind, origin)) in &configuration.kinds {
        writeln(&mut text, &format!("\n# {origin}"));
        let mut kind = kind.clone();
        if let Some(executor) = &mut kind.executor {
            hide_what_is_sent(executor);
        }
        let mut value = serde_json::to_value(kind).unwrap_or_default();
        hide_secrets(&mut value);
        headway_protocol::patch::drop_nulls(&mut value);
        let table = json!({ "kinds": { name: value } });
        match toml::to_string(&table) {
            Ok(toml) => writeln(&mut text, toml.trim_end()),
            Err(error) => writeln(&mut text, &format!("# kinds.{name}: {error}")),
        }
    }
    text
}

/// Headers whose values are known to be no secrets.
const OPEN_HEADERS: [&str; 3] = ["accept", "content-type", "user-agent"];

/// Hides what headers hold, and the query and the user of an address: which of them is a secret, only
/// the other side knows.
fn hide_what_is_sent(executor: &mut Executor) {
    match executor {
        Executor::Http(http) => {
            http.url = address_shown(&http.url);
            for (name, value) in &mut http.headers {
                if !OPEN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
                    HIDDEN.clone_into(value);
                }
            }
        }
        Executor::Command(command) => hide_arguments(&mut command.argv),
    }
}

/// Hides what a program is given as a secret: `--token=…`, `--token …`, `PASSWORD=…`.
fn hide_arguments(arguments: &mut [String]) {
    let mut follows = false;
    for argument in arguments {
        let option = argument.starts_with('-');
        if follows && !option {
            HIDDEN.clone_into(argument);
            follows = false;
            continue;
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, _)) => (name, true),
            None => (argument.as_str(), false),
        };
        let secret = is_secret(name);
        follows = secret && option && !value;
        if secret && value {
            *argument = format!("{name}={HIDDEN}");
        }
    }
}

/// Whether a name says that what it names is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["authorization", "token", "secret", "password", "cookie", "api-key", "api_key"]
        .iter()
        .any(|word| name.contains(word))
}

fn address_shown(url: &str) -> String {
    let (place, query) = match url.split_once('?') {
        Some((place, _)) => (place, format!("?{HIDDEN}")),
        None => (url, String::new()),
    };
    let Some((scheme, rest)) = place.split_once("://") else { return format!("{place}{query}") };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}{query}"),
        None => format!("{place}{query}"),
    }
}

/// Hides members whose names say that they are secrets, at any depth: of a body, for example.
fn hide_secrets(value: &mut serde_json::Value) {
    if let Some(list) = value.as_array_mut() {
        list.iter_mut().for_each(hide_secrets);
    }
    let Some(members) = value.as_object_mut() else { return };
    for (name, member) in members {
        if is_secret(name) {
            hide_texts(member);
        } else {
            hide_secrets(member);
        }
    }
}

/// Hides every text of a value; numbers of tokens are no secrets.
fn hide_texts(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => HIDDEN.clone_into(text),
        serde_json::Value::Array(list) => list.iter_mut().for_each(hide_texts),
        serde_json::Value::Object(members) => members.values_mut().for_each(hide_texts),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

/// Every key with its meaning, as a commented TOML file; for programs as JSON.
pub(crate) fn schema(as_json: bool) -> String {
    if as_json {
        let keys: Vec<_> = KEYS
            .iter()
            .map(|key| {
                json!({
                    "key": key.path, "takes": key.shape_words(), "default": key.default,
                    "environment": key.environment, "flag": key.flag, "about": key.about,
                })
            })
            .collect();
        return serde_json::Value::from(keys).to_string();
    }
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (here, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        if here != section {
            section = here;
            writeln(&mut text, &format!("[{section}]\n"));
        }
        for line in wrap(key.about, 96) {
            writeln(&mut text, &format!("# {line}"));
        }
        let mut also = vec![format!("# Takes: {}.", key.shape_words())];
        also.extend(key.environment.map(|variable| format!("Environment: {variable}.")));
        also.extend(key.flag.map(|flag| format!("Flag: {flag}.")));
        writeln(&mut text, &also.join(" "));
        if let Some(value) = key.default_value() {
            writeln(&mut text, &format!("{name} = {}\n", value.to_toml()));
        } else {
            let empty = Value::Text(String::new()).to_toml();
            writeln(&mut text, &format!("# {name} = {empty}\n"));
        }
    }
    text.push_str(KIND_EXAMPLE);
    text
}

/// The part of the schema that has no fixed keys.
const KIND_EXAMPLE: &str = "\
# A kind is a configured type of job: requests name it instead of saying how their items are run.
# [kinds.NAME]
# concurrency = 8                 # items at once
# timeout_ms = 60000              # the longest that one attempt of an item may take
# expires_after_ms = 3600000      # the longest that a whole job may take
# stall_after_ms = 30000          # how long a producer may be silent before the job counts as stalled
# command_timeout_ms = 60000      # how long a producer has to carry out a cancel or a pause
# on_failure = \"continue\"         # or \"stop\": the first failed item ends the batch
# batch_rates = true              # price usage with the batch factor of the rate card; unless said,
#                                 # batches are priced with it and jobs are not
# min_interval_ms = 2000          # the shortest time between two states of a job to a watcher, also
#                                 # to one who asks for less; unless said, stream.min_interval_ms
# executor = { type = \"command\", argv = [\"python3\", \"worker.py\"], mode = \"stream\" }
# limits = { memory_bytes = 1073741824, cpu_seconds = 60 }  # what each process may use
# retry = { max_attempts = 3, initial_delay_ms = 1000, factor = 2.0, max_delay_ms = 60000 }
# rate = { count = 10, per_ms = 1000 }
# budget = { max_budget = \"25.00\", soft_budget = \"20.00\", on_budget = \"pause\" }
# estimate = { sku = \"gpt-x\", input_tokens = 900, output_tokens = 200 }
# [kinds.NAME.steps.research]     # a step that every job of the kind has
# weight = 2.0
";

fn writeln(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").ok();
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len() + word.len() < width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_lie() {
        let mut body = json!({
            "list": [{"token": "s1"}, [{"password": "s2"}]],
            "secret": ["s3", {"of": "s4"}],
            "input_tokens": 900,
            "open": "seen",
        });
        hide_secrets(&mut body);
        let text = body.to_string();
        for secret in ["s1", "s2", "s3", "s4"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert!(text.contains("900") && text.contains("seen"), "{text}");
    }

    #[test]
    fn what_a_program_is_given_as_a_secret_is_hidden() {
        let check = |line: &str, shown: &str| {
            let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            hide_arguments(&mut words);
            assert_eq!(words.join(" "), shown.replace('*', HIDDEN), "{line}");
        };
        check("python3 worker.py", "python3 worker.py");
        check("ask --token=abc --fast", "ask --token=* --fast");
        check("ask --token abc --fast", "ask --token * --fast");
        check("ask --api-key abc x", "ask --api-key * x");
        check("env DB_PASSWORD=abc ask", "env DB_PASSWORD=* ask");
        check("ask --token --fast x", "ask --token --fast x");
        check("count tokens.txt", "count tokens.txt");
    }
}
