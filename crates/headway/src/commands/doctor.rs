//! `headway doctor`: looks at a server from where its clients are.
//!
//! Each look says what it found, and what to do when that is not right. A look that makes no sense
//! after an earlier one failed is left out.

use headway_client::{Client, Error, Greeting};
use headway_protocol::{Timestamp, frame};
use headway_store::{Clock, SystemClock};
use serde::Serialize;

use super::{DEFAULT_SERVER, client_of, whoami};
use crate::arguments::{Common, DoctorArguments};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// How far a server's clock may be off before sign-in suffers: half of what tokens are given.
const SKEW_MS: u64 = 30_000;

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Good,
    /// It works, and could be better.
    Doubtful,
    Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Finding {
    look: &'static str,
    verdict: Verdict,
    found: String,
}

impl Finding {
    fn new(look: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { look, verdict, found: found.into() }
    }

    fn wrong(look: &'static str, error: Error) -> Self {
        Self::new(look, Verdict::Wrong, Failure::from(error).to_string())
    }
}

pub(crate) async fn run(common: &Common, arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let server = arguments.url.as_deref().or(common.server.as_deref()).unwrap_or(DEFAULT_SERVER);
    let client = client_of(server, common)?.with_attempts(0);
    let mut worst = Verdict::Good;
    let mut tell = |finding: Finding| {
        worst = worst.max(finding.verdict);
        if common.json {
            output::json(&finding);
        } else {
            let mark = match finding.verdict {
                Verdict::Good => "ok  ",
                Verdict::Doubtful => "note",
                Verdict::Wrong => "FAIL",
            };
            output::line(&format!("{mark}  {:<12} {}", finding.look, finding.found));
        }
    };
    if reach(&client, &mut tell).await {
        sign_in(&client, common.token.is_some(), &mut tell).await;
        tell(greeting("websocket", client.greet_websocket().await));
        tell(greeting("sse", client.greet_sse().await));
    }
    Ok(if worst == Verdict::Wrong { Exit::CouldNotRun } else { Exit::Success })
}

/// Reaches it; everything else makes sense only after that.
async fn reach(client: &Client, tell: &mut impl FnMut(Finding)) -> bool {
    let health = match client.health().await {
        Ok(health) => health,
        Err(error) => {
            tell(Finding::wrong("reach", error));
            return false;
        }
    };
    let now = SystemClock.now();
    tell(Finding::new("reach", Verdict::Good, format!("{} answers", client.server())));
    tell(encryption(client.server()));
    tell(match &health.reason {
        None => Finding::new("ready", Verdict::Good, "it takes new work"),
        Some(problem) => Finding::new("ready", Verdict::Wrong, problem.detail.clone()),
    });
    tell(clock(health.clock, now));
    tell(match client.api_version().await {
        Ok(version) => version_finding(&version),
        Err(error) => Finding::wrong("version", error),
    });
    true
}

async fn sign_in(client: &Client, has_token: bool, tell: &mut impl FnMut(Finding)) {
    tell(match client.identity().await {
        Ok(identity) if !identity.sign_in && has_token => Finding::new(
            "sign-in",
            Verdict::Doubtful,
            "nobody is asked to sign in there: the token that you gave is not looked at",
        ),
        Ok(identity) => Finding::new("sign-in", Verdict::Good, whoami::sentence(&identity)),
        Err(error) => Finding::wrong("sign-in", error),
    });
}

fn encryption(server: &str) -> Finding {
    if server.starts_with("https://") {
        return Finding::new("tls", Verdict::Good, "its certificate is trusted");
    }
    let host = server.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        Some(_) | None => host,
    };
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        Finding::new("tls", Verdict::Good, "none, and nothing leaves this machine")
    } else {
        let found = "none: keys and tokens can be read on their way. Use https://, with tls.certificate \
                     and tls.key at the server or a proxy before it";
        Finding::new("tls", Verdict::Doubtful, found)
    }
}

/// How far the clocks are apart. The server's is told to the second.
fn clock(theirs: Option<Timestamp>, ours: Timestamp) -> Finding {
    let Some(theirs) = theirs else {
        return Finding::new("clock", Verdict::Doubtful, "it does not tell its time (`Date`)");
    };
    let apart = theirs.since(ours).max(ours.since(theirs));
    let seconds = apart / 1_000;
    if apart <= SKEW_MS {
        let found = if seconds <= 1 {
            "the same as here".to_owned()
        } else {
            format!("{seconds} s apart from here")
        };
        return Finding::new("clock", Verdict::Good, found);
    }
    let which = if theirs > ours { "ahead of" } else { "behind" };
    let found = format!(
        "{seconds} s {which} this machine's: tokens may seem expired or not yet valid. Set both \
         clocks by NTP"
    );
    Finding::new("clock", Verdict::Doubtful, found)
}

fn version_finding(theirs: &str) -> Finding {
    let ours = frame::VERSION.to_string();
    if theirs == ours {
        return Finding::new(
            "version",
            Verdict::Good,
            format!("it speaks version {ours}, as here"),
        );
    }
    let found = format!(
        "it speaks version {theirs} of the API, and this program {ours}: take a program that belongs \
         to the server"
    );
    Finding::new("version", Verdict::Wrong, found)
}

fn greeting(look: &'static str, greeted: Result<Greeting, Error>) -> Finding {
    match greeted {
        Ok(greeting) if greeting.version == frame::VERSION => {
            Finding::new(look, Verdict::Good, "gets through")
        }
        Ok(greeting) => {
            let found = format!(
                "speaks version {} of the protocol, and this program {}",
                greeting.version,
                frame::VERSION
            );
            Finding::new(look, Verdict::Wrong, found)
        }
        Err(error) if error.is_unauthenticated() => Finding::wrong(look, error),
        // The server's own words came through: nothing on the way is at fault.
        Err(error) if error.problem().is_some_and(|problem| problem.code != "http") => {
            Finding::wrong(look, error)
        }
        Err(error) => {
            let advice = if look == "websocket" {
                "a proxy on the way must pass `Upgrade` and `Connection` on, and HTTP/1.1. Clients \
                 use Server-Sent Events meanwhile"
            } else {
                "a proxy on the way must not collect answers before it passes them on (nginx: \
                 proxy_buffering off). Clients can poll meanwhile"
            };
            let found = format!("does not get through: {}; {advice}", Failure::from(error));
            Finding::new(look, Verdict::Wrong, found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_noticed() {
        let at = |seconds: u64| Timestamp::from_millis(1_000_000_000 + seconds * 1_000);
        let check = |theirs: Option<u64>, verdict: Verdict, words: &str| {
            let finding = clock(theirs.map(at), at(100));
            assert_eq!(finding.verdict, verdict, "{finding:?}");
            assert!(finding.found.contains(words), "{finding:?}");
        };
        check(Some(100), Verdict::Good, "the same");
        check(Some(110), Verdict::Good, "10 s apart");
        check(Some(131), Verdict::Doubtful, "31 s ahead of");
        check(Some(60), Verdict::Doubtful, "40 s behind");
        check(None, Verdict::Doubtful, "Date");
    }

    #[test]
    fn plain_text_is_good_enough_within_one_machine() {
        let check = |server: &str, verdict: Verdict| {
            assert_eq!(encryption(server).verdict, verdict, "{server}");
        };
        check("https://jobs.example/", Verdict::Good);
        check("http://127.0.0.1:4323/", Verdict::Good);
        check("http://[::1]:4323/", Verdict::Good);
        check("http://localhost/", Verdict::Good);
        check("http://jobs.example/", Verdict::Doubtful);
        check("http://127.0.0.1.example:80/", Verdict::Doubtful);
        check("http://10.0.0.1:4323/base/", Verdict::Doubtful);
    }

    #[test]
    fn another_version_is_told() {
        assert_eq!(version_finding(&frame::VERSION.to_string()).verdict, Verdict::Good);
        assert_eq!(version_finding("9").verdict, Verdict::Wrong);
    }

    #[test]
    fn a_stream_that_is_held_up_says_what_to_change() {
        let wrong = || Error::NotUnderstood { server: "s".into(), reason: "200".into() };
        assert!(greeting("websocket", Err(wrong())).found.contains("Upgrade"));
        assert!(greeting("sse", Err(wrong())).found.contains("proxy_buffering off"));
        let told = Greeting { version: frame::VERSION, heartbeat_ms: 1 };
        assert_eq!(greeting("sse", Ok(told)).verdict, Verdict::Good);
        let newer = Greeting { version: frame::VERSION + 1, heartbeat_ms: 1 };
        assert_eq!(greeting("sse", Ok(newer)).verdict, Verdict::Wrong);
    }
}
