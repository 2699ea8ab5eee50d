//! The OpenAPI 3.1 document, from the route table and the protocol's types.

use headway_protocol::problem::CONTENT_TYPE;
use headway_protocol::{ClientMessage, Problem, ServerMessage};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::door::credential::cookie_name;
use crate::routes::{self, Content, Parameter, Route, Rule};

/// The document of a gateway with everything.
pub fn document() -> Value {
    document_of(routes::table())
}

/// The document of these routes.
pub(crate) fn document_of(routes: impl Iterator<Item = &'static Route>) -> Value {
    let mut generator = generator("/components/schemas");
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut generator);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = methods {
            methods.insert(route.method.to_ascii_lowercase(), operation);
        }
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Headway",
            "version": "1",
            "description": "Takes in long-running jobs and batches, runs them and streams their \
                            live state. Refusals are problem documents (RFC 9457) with a `code`.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key, an identity provider's token, or a watch token",
                },
                "session": { "type": "apiKey", "in": "cookie", "name": cookie_name(false) },
                "token": { "type": "apiKey", "in": "query", "name": "token" },
                "ticket": { "type": "apiKey", "in": "query", "name": "ticket" },
            },
        },
    })
}

/// The JSON Schema of the stream's messages.
pub fn messages() -> Value {
    let mut generator = generator("/$defs");
    let server = generator.subschema_for::<ServerMessage>();
    let client = generator.subschema_for::<ClientMessage>();
    let definitions = generator.take_definitions(true);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Headway stream messages",
        "description": "What the server sends, and what a client sends on a WebSocket. Readers pass \
                        over members and types that they do not know.",
        "anyOf": [server, client],
        "$defs": definitions,
    })
}

fn generator(definitions: &'static str) -> SchemaGenerator {
    SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = definitions.into();
        })
        .into_generator()
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let in_path = route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        });
    let described = |parameter: &Parameter, place: &str| {
        json!({
            "name": parameter.name, "in": place, "description": parameter.summary,
            "schema": { "type": "string" },
        })
    };
    let parameters: Vec<Value> = in_path
        .chain(route.parameters.iter().map(|parameter| described(parameter, "query")))
        .chain(route.headers.iter().map(|parameter| described(parameter, "header")))
        .collect();
    let mut responses: Map<String, Value> = route
        .replies
        .iter()
        .map(|reply| {
            let mut response = json!({ "description": reply.summary });
            if let (Value::Object(members), false) = (&mut response, reply.contents.is_empty()) {
                members.insert("content".to_owned(), contents(reply.contents, generator));
            }
            (reply.status.to_string(), response)
        })
        .collect();
    let problem = generator.subschema_for::<Problem>();
    let refused = json!({
        "description": "A refusal; `code` says which",
        "content": { CONTENT_TYPE: { "schema": problem } },
    });
    responses.insert("default".to_owned(), refused);
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "security": security(route.rule),
        "responses": responses,
    });
    if let Value::Object(members) = &mut operation {
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(act) = route.rule.act() {
            members.insert("x-headway-act".to_owned(), act.as_str().into());
            members.insert("x-headway-scope".to_owned(), act.scope().as_str().into());
        }
        if !route.body.is_empty() {
            let body = json!({ "content": contents(route.body, generator) });
            members.insert("requestBody".to_owned(), body);
        }
    }
    operation
}

/// How one may have signed in for a route; a node that asks nobody takes each without.
fn security(rule: Rule) -> Value {
    match rule {
        Rule::Open => json!([]),
        Rule::SignedIn | Rule::May(_) => json!([{ "bearer": [] }, { "session": [] }]),
        Rule::Stream => {
            json!([{ "bearer": [] }, { "session": [] }, { "token": [] }, { "ticket": [] }])
        }
    }
}

fn contents(forms: &[Content], generator: &mut SchemaGenerator) -> Value {
    forms
        .iter()
        .map(|form| {
            let schema = form.schema.map(|schema| schema(generator).to_value());
            let schema = schema.unwrap_or_else(|| json!({}));
            (form.media.to_owned(), json!({ "schema": schema }))
        })
        .collect::<Map<_, _>>()
        .into()
}
