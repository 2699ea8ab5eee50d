use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::*;

#[track_caller]
fn parses(line: &str) -> Arguments {
    let words = crate::words::split(&format!("headway {line}")).unwrap();
    Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"))
}

#[track_caller]
fn refuses(line: &str, kind: ErrorKind) {
    let words = crate::words::split(&format!("headway {line}")).unwrap();
    let error = Arguments::try_parse_from(words).map(|_| ()).expect_err(line);
    assert_eq!(error.kind(), kind, "{line}: {error}");
}

#[test]
fn the_definition_holds_together() {
    Arguments::command().debug_assert();
}

#[test]
fn everything_that_is_promised_parses() {
    for line in [
        "serve",
        "serve --listen 127.0.0.1:0 --data d --store embedded --rates costs.json --allow-exec",
        "demo",
        "batch run f.csv --exec 'python3 w.py' --stream --concurrency 8 --budget 2.50 --retries 3 \
         --timeout 30s --name n --session s --output out.jsonl",
        "batch run f.jsonl --url http://localhost:1/ --header 'A: b' --rate 10/s",
        "batch run f.csv --kind score --no-wait --json --server http://localhost:1",
        "batch estimate f.csv --kind score --estimate sku=x,tokens=4",
        "batch results bat_1 --status failed --format csv --output f.csv",
        "batch errors bat_1 --limit 5 --json",
        "batch retry bat_1",
        "batch retry bat_1 --item 3 --item 9 --no-wait",
        "job list --status running --kind k --session s --tag t --limit 5 --page p",
        "job get j",
        "job events j --limit 10",
        "job cancel j",
        "job pause j",
        "job resume j --budget 5",
        "job retry j",
        "watch a b --json",
        "watch --session s --events",
        "run -- make -j4",
        "run --name n --kind k -- sh -c 'exit 3'",
        "config check",
        "config print --config headway.toml",
        "config schema",
        "bench reports",
        "bench reports --producers 8 --events 100 --rate 5000 --seconds 10s --jobs 8 --server-pid 9",
        "bench watchers --connections 10000 --jobs 100 --transport sse --idle 30s --json",
        "bench fanout --jobs 1000 --watchers 10 --rate 1 --producers 8 --min-interval 100",
        "bench fanout --jobs 1 --watchers 1000 --in-flight 8 --lane events --seconds 5",
        "completions bash",
        "serve --listen 0.0.0.0:4323 --sign-in keys,jwt",
        "key create --name ci --scope report --scope watch --tenant acme --subject ci --own-only",
        "key create --name first --role admin --data d --expires-in 90d",
        "key list --limit 5 --after k",
        "key revoke k",
        "token create --job j --session s --tag t --action cancel --subject maya --expires-in 15m",
        "token revoke t",
        "token revoke --subject maya",
        "token rotate --data d",
        "whoami --json",
        "audit --what key.create --csv",
        "audit --limit 10",
        "audit --json",
        "webhook dead",
        "webhook replay w",
        "webhook replay --all",
        "webhook drop w",
        "doctor https://jobs.example",
        "doctor",
        "--token - job list",
        "job list --token-file token.txt",
        "--server http://localhost:1 --token t --json job list",
    ] {
        parses(line);
    }
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    use ErrorKind as Kind;
    refuses("fly", Kind::InvalidSubcommand);
    refuses("batch run f.csv", Kind::MissingRequiredArgument);
    refuses("batch run --exec a", Kind::MissingRequiredArgument);
    refuses("batch run f.csv --exec a --url http://x", Kind::ArgumentConflict);
    refuses("batch run f.csv --url http://x --stream", Kind::ArgumentConflict);
    refuses("batch retry b --status expired --item 1", Kind::ArgumentConflict);
    refuses("batch errors b --limit 0", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --budget -1", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --budget -0.5", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --concurrency -1", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --retries -1", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --budget --retries 1", Kind::InvalidValue);
    refuses("job resume j --budget -3", Kind::ValueValidation);
    refuses("job resume j --budget 0", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --budget 0", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --concurrency 0", Kind::ValueValidation);
    refuses("batch run f.csv --exec a --timeout soon", Kind::ValueValidation);
    refuses("batch results bat_1 --status done", Kind::ValueValidation);
    refuses("job get a/b", Kind::ValueValidation);
    refuses("watch", Kind::MissingRequiredArgument);
    refuses("run make", Kind::UnknownArgument);
    refuses("run --", Kind::MissingRequiredArgument);
    refuses("bench", Kind::DisplayHelpOnMissingArgumentOrSubcommand);
    refuses("bench reports --producers 0", Kind::ValueValidation);
    refuses("bench reports --seconds 11m", Kind::ValueValidation);
    refuses("bench reports --rate 0", Kind::ValueValidation);
    refuses("bench reports --rate NaN", Kind::ValueValidation);
    refuses("bench watchers --connections 25001", Kind::ValueValidation);
    refuses("bench watchers --transport poll", Kind::InvalidValue);
    refuses("bench fanout --in-flight 1 --rate 1", Kind::ArgumentConflict);
    refuses("bench fanout --in-flight 1 --producers 1", Kind::ArgumentConflict);
    refuses("bench fanout --min-interval 5001", Kind::ValueValidation);
    refuses("completions basic", Kind::InvalidValue);
    refuses("key create --name n", Kind::MissingRequiredArgument);
    refuses("key create --name n --role king", Kind::ValueValidation);
    refuses("key create --name n --scope fly", Kind::ValueValidation);
    refuses("key create --name n --role admin --scope watch", Kind::ArgumentConflict);
    refuses("key create --name n --role viewer --own-only", Kind::MissingRequiredArgument);
    refuses("token create --subject maya", Kind::MissingRequiredArgument);
    refuses("token create --job j --action fly", Kind::ValueValidation);
    refuses("token rotate", Kind::MissingRequiredArgument);
    refuses("token revoke", Kind::MissingRequiredArgument);
    refuses("token revoke t --subject maya", Kind::ArgumentConflict);
    refuses("audit --csv --json", Kind::ArgumentConflict);
    refuses("audit --csv --limit 5", Kind::ArgumentConflict);
    refuses("webhook replay", Kind::MissingRequiredArgument);
    refuses("webhook replay w --all", Kind::ArgumentConflict);
    refuses("job list --token t --token-file f", Kind::ArgumentConflict);
}

#[test]
fn a_command_after_the_dashes_is_left_alone() {
    let arguments = parses("run --name n -- ls --json --server x");
    let Command::Run(run) = arguments.command else { panic!("not run") };
    assert_eq!(run.command, ["ls", "--json", "--server", "x"]);
    assert!(!arguments.common.json);
}

#[test]
fn a_token_is_not_in_debug_output() {
    let arguments = parses("job list --token s3cret");
    assert_eq!(arguments.common.token.as_ref().unwrap().expose(), "s3cret");
    assert!(!format!("{arguments:?}").contains("s3cret"));
}

#[test]
fn help_says_what_is_needed_and_a_commands_own_options_first() {
    let error = Arguments::try_parse_from("headway batch run items.csv".split(' ')).unwrap_err();
    let usage = error.to_string();
    assert!(usage.contains("<--exec <CMD>|--url <URL>|--kind <KIND>>"), "{usage}");
    assert!(!usage.contains("--header"), "{usage}");

    let help = Arguments::try_parse_from("headway job list --help".split(' ')).unwrap_err();
    let help = help.to_string();
    let place = |text: &str| help.find(text).unwrap_or_else(|| panic!("no `{text}` in {help}"));
    assert!(place("--page") < place("Options of every command"), "{help}");
    assert!(place("Options of every command") < place("--server"), "{help}");
}
