//! What is refused is told in the words of JSON and with the member at fault: every member of every
//! message and body of the description is given values of the wrong form.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

#[allow(dead_code, reason = "these tests need no more of it")]
#[path = "compatible/older.rs"]
mod older;
mod support;

use std::time::Duration;

use headway_gateway::Options;
use older::Older;
use serde_json::{Map, Value, json};
use support::{Server, Socket};

/// Words of the program's language that nobody who writes JSON knows.
const FOREIGN: [&str; 22] = [
    "enum",
    "struct",
    "variant",
    "identifier",
    "newtype",
    "unit",
    "map",
    "sequence",
    "tuple",
    "tagged",
    "untagged",
    "flatten",
    "f32",
    "f64",
    "u8",
    "u16",
    "u32",
    "u64",
    "i64",
    "usize",
    "floating",
    "Option",
];

/// How deep members are looked for in the description.
const DEPTH: usize = 7;

fn wrong_values() -> [Value; 7] {
    [json!(null), json!({}), json!([]), json!("\u{1}"), json!(5), json!(-1.5), json!(true)]
}

/// A description, whose types refer to each other.
struct Types(Value);

impl Types {
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> &'a Value {
        while let Some(reference) = schema["$ref"].as_str() {
            schema = self.0.pointer(reference.trim_start_matches('#')).unwrap();
        }
        schema
    }

    /// The forms that a value may have, each with what all of them have.
    fn forms<'a>(&'a self, schema: &'a Value) -> Vec<(&'a Value, &'a Value)> {
        let schema = self.resolve(schema);
        let choices = schema["oneOf"].as_array().or(schema["anyOf"].as_array());
        match choices {
            Some(choices) => choices.iter().map(|one| (self.resolve(one), schema)).collect(),
            None => vec![(schema, schema)],
        }
    }

    /// A small value that fits.
    fn example(&self, schema: &Value) -> Value {
        let (form, all) = self.forms(schema)[0];
        self.example_of(form, all)
    }

    fn example_of(&self, form: &Value, all: &Value) -> Value {
        if let Some(word) = form.get("const") {
            return word.clone();
        }
        if let Some(words) = form["enum"].as_array() {
            return words[0].clone();
        }
        if form.get("oneOf").or(form.get("anyOf")).is_some() && !std::ptr::eq(form, all) {
            return self.example(form);
        }
        let word = form["type"].as_str().or(form["type"][0].as_str());
        match word {
            Some("object") => {
                let mut members = Map::new();
                for part in [all, form] {
                    let required = part["required"].as_array().cloned().unwrap_or_default();
                    for name in required.iter().filter_map(Value::as_str) {
                        let member = self.example(&part["properties"][name]);
                        members.insert(name.to_owned(), member);
                    }
                }
                members.into()
            }
            Some("array") => json!([]),
            Some("integer" | "number") => form.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(true),
            Some("null") => json!(null),
            Some(_)
                if form
                    .get("pattern")
                    .is_some_and(|it| it.as_str().unwrap().contains("0-9]{2")) =>
            {
                json!("1.00")
            }
            Some(_) => json!("x"),
            None => json!(1),
        }
    }

    /// Values of the wrong form for each member, in a whole value, and where they are.
    fn cases(&self, schema: &Value, depth: usize) -> Vec<(String, Value)> {
        let mut cases = Vec::new();
        if depth == 0 {
            return cases;
        }
        for (form, all) in self.forms(schema) {
            if form.get("oneOf").or(form.get("anyOf")).is_some() && !std::ptr::eq(form, all) {
                cases.extend(self.cases(form, depth - 1));
                continue;
            }
            let example = self.example_of(form, all);
            let Value::Object(members) = &example else {
                if form["items"].is_object() {
                    for (path, value) in self.cases(&form["items"], depth - 1) {
                        cases.push((format!("[0]{}{path}", dot(&path)), json!([value])));
                    }
                }
                continue;
            };
            let same = std::ptr::eq(form, all);
            let parts = if same { vec![form] } else { vec![all, form] };
            let named = parts.iter().filter_map(|part| part["properties"].as_object()).flatten();
            let mut named: Vec<(String, &Value)> =
                named.map(|(name, member)| (name.clone(), member)).collect();
            if form["additionalProperties"].is_object() {
                named.push(("any".to_owned(), &form["additionalProperties"]));
            }
            for (name, member) in named {
                let with = |value: Value| {
                    let mut members = members.clone();
                    members.insert(name.clone(), value);
                    Value::Object(members)
                };
                for value in wrong_values() {
                    cases.push((name.clone(), with(value)));
                }
                for (path, value) in self.cases(member, depth - 1) {
                    cases.push((format!("{name}{}{path}", dot(&path)), with(value)));
                }
            }
        }
        cases
    }
}

fn dot(path: &str) -> &'static str {
    if path.is_empty() || path.starts_with('[') { "" } else { "." }
}

/// A text without what it quotes.
fn own_words(text: &str) -> String {
    let mut own = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 0 {
            own.extend(part.split('"').step_by(2).flat_map(|part| [part, " "]));
        }
    }
    own
}

fn is_in_plain_words(told: &str, sent: &Value) {
    let own = own_words(told);
    let mut words = own.split(|letter: char| !letter.is_alphanumeric());
    assert!(!words.any(|word| FOREIGN.contains(&word)), "{told} for {sent}");
}

#[tokio::test]
async fn every_member_of_every_body_is_refused_in_plain_words_and_by_name() {
    // So many requests over kept connections that a busy machine may be late with one of them.
    let options =
        Options { body_bytes: 1 << 20, head_timeout: Duration::from_mins(1), ..Options::default() };
    let server = Server::start_with(options, headway_hub::Options::default()).await;
    let types: Value = server.get("/api/v1/openapi.json").await.json().await.unwrap();
    let types = Types(types);
    server.job("a").await;
    let mut refused = 0;
    for (path, methods) in types.0["paths"].as_object().unwrap() {
        let Some(schema) = methods.pointer("/post/requestBody/content/application~1json/schema")
        else {
            continue;
        };
        let address = path.replace("{id}", "a");
        let whole = wrong_values().map(|value| (String::new(), value));
        let mut here = 0;
        for (member, body) in types.cases(schema, DEPTH).into_iter().chain(whole) {
            let response = server.post(&address, &body).await;
            if response.status().is_success() {
                continue;
            }
            let problem: Value = response.json().await.unwrap();
            let detail = problem["detail"].as_str().unwrap();
            is_in_plain_words(detail, &body);
            assert_ne!(problem["code"], "malformed", "{address}: {detail} for {body}");
            if detail.starts_with("invalid type") && !member.is_empty() {
                let member = member.strip_prefix("[0].").unwrap_or(&member);
                let field = problem["field"].as_str().unwrap_or_else(|| panic!("{problem} {body}"));
                assert_eq!(field, member, "{address}: {detail} for {body}");
                here += 1;
            }
        }
        refused += here;
    }
    assert!(refused > 300, "{refused} refusals are few: is the description still read?");
    server.stop().await;
}

#[tokio::test]
async fn every_member_of_every_message_is_refused_in_plain_words_and_by_name() {
    let server = Server::start().await;
    let types = serde_json::from_str(include_str!("../../../schema/messages.json")).unwrap();
    let types = Types(types);
    let whole = wrong_values().map(|value| (String::new(), value));
    let cases = types.cases(&json!({"$ref": "#/$defs/ClientMessage"}), DEPTH);
    let mut refused = 0;
    for (member, message) in cases.into_iter().chain(whole) {
        // A connection may make a few mistakes only.
        let mut socket = Socket::open(&server, "/api/v1/stream").await;
        socket.send(&message).await;
        socket.send(&json!({"type":"ping","at":"the end"})).await;
        let answer = socket.until_any(&["error", "pong"]).await;
        let Some(told) = answer["message"].as_str() else { continue };
        is_in_plain_words(told, &message);
        if told.contains("invalid type") && !member.is_empty() {
            let start = format!("not a message: `{member}`: ");
            assert!(told.starts_with(&start), "{told} for {message}");
            refused += 1;
        }
    }
    assert!(refused > 50, "{refused} refusals are few: is the description still read?");
    server.stop().await;
}

#[tokio::test]
async fn messages_of_the_older_formats_are_refused_in_plain_words() {
    let server = Server::start().await;
    server.job_with(json!({"kind":"workflow","id":"a","session":"s"})).await;
    let messages = [
        ("/ws/progress/s", json!({"type":"subscribe","transaction_ids":5}), "`transaction_ids`: "),
        ("/ws/progress/s", json!({"type":"subscribe","agents":[7]}), "`agents[0]`: "),
        ("/ws/progress/s", json!({"type":"cancel","transaction_id":[]}), "`transaction_id`: "),
        ("/ws/progress/s", json!({"type":"cancel"}), "missing field `transaction_id`"),
        ("/progress/ws/a", json!({"type":"subscribe","job_id":{}}), "`job_id`: "),
    ];
    let anywhere = wrong_values().into_iter().flat_map(|value| {
        let typed = json!({"type": value});
        ["/ws/progress/s", "/progress/ws/a"]
            .map(|path| [(path, value.clone()), (path, typed.clone())])
    });
    let anywhere = anywhere.flatten().map(|(path, message)| (path, message, ""));
    for (path, message, begins) in messages.into_iter().chain(anywhere) {
        let mut watcher = Older::open(&server, path).await;
        watcher.send(&message).await;
        let answer = watcher.until(|answer| answer["type"] == "error").await;
        let told = answer["message"].as_str().unwrap();
        is_in_plain_words(told, &message);
        assert!(told.starts_with(&format!("not a message: {begins}")), "{told} for {message}");
    }
    server.stop().await;
}
