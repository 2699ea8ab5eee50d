use std::os::unix::fs::PermissionsExt;

use headway_protocol::Secret;
use headway_signin::{JwtAlgorithm, JwtKeys, Modes};

use crate::arguments::ServeArguments;
use crate::configuration::tests::{read, refused};
use crate::configuration::{Configuration, ConfigurationError, Environment, Settings, print};

const KEY: &str = "an-admin-key-of-more-than-32-characters";
const SECRET: &str = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0";

fn settings(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigurationError> {
    read(text, variables, &ServeArguments::default())?.settings()
}

/// Settings of a file beside which a secret lies in `secret.txt`, readable by so many.
fn beside(text: &str, secret: &str, mode: u32) -> Result<Settings, ConfigurationError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.txt");
    std::fs::write(&path, secret).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let file = folder.path().join("headway.toml");
    std::fs::write(&file, text).unwrap();
    let flags = ServeArguments::default();
    Configuration::read(Some(&file), &Environment::default(), &flags)?.settings()
}

fn jwt(text: &str) -> String {
    format!(
        "[sign_in]\nmodes = [\"jwt\"]\n[sign_in.jwt]\nissuer = \"https://id.example\"\n\
         audience = [\"headway\"]\n{text}\n"
    )
}

#[test]
fn nobody_is_asked_unless_it_is_said() {
    let modes =
        |text: &str, variables: &[(&str, &str)]| settings(text, variables).unwrap().sign_in.modes;
    let (keys, jwt) = (Modes { keys: true, jwt: false }, Modes { keys: true, jwt: true });
    assert_eq!(modes("", &[]), Modes::default());
    assert_eq!(modes("sign_in.modes = [\"keys\"]", &[]), keys);
    assert_eq!(modes("", &[("HEADWAY_SIGN_IN", "keys")]), keys);
    let provider = self::jwt(&format!("secret = \"{KEY}\""));
    assert_eq!(modes(&provider, &[("HEADWAY_SIGN_IN", "keys,jwt")]), jwt);
    refused("sign_in.modes = [\"none\", \"keys\"]", &["sign_in.modes", "line 1", "none alone"]);
    refused("sign_in.modes = [\"passwords\"]", &["`passwords`"]);
}

#[test]
fn a_key_or_a_provider_that_nobody_is_asked_for_is_no_silent_default() {
    let error = settings("", &[("HEADWAY_ADMIN_KEY", KEY)]).unwrap_err().to_string();
    assert!(error.contains("$HEADWAY_ADMIN_KEY") && error.contains("--sign-in keys"), "{error}");
    refused("sign_in.jwt.issuer = \"https://id.example\"", &["line 1", "add `jwt`"]);
}

#[test]
fn a_secret_comes_from_a_value_or_from_a_file() {
    let modes = "[sign_in]\nmodes = [\"keys\"]\n";
    let exposed = |settings: Settings| settings.sign_in.admin_key.unwrap().expose().to_owned();
    let said = settings(&format!("{modes}admin_key = \"{KEY}\""), &[]).unwrap();
    assert_eq!(exposed(said), KEY);
    let named = format!("{modes}admin_key_file = \"secret.txt\"");
    let read = beside(&named, &format!("{KEY}\n"), 0o600).unwrap();
    assert!(read.warnings.is_empty(), "{:?}", read.warnings);
    assert_eq!(exposed(read), KEY, "without the line's end");
    let open = beside(&named, KEY, 0o644).unwrap();
    assert!(open.warnings[0].contains("secret.txt") && open.warnings[0].contains("chmod"));

    let wrong = |text: &str, secret: &str, parts: &[&str]| {
        let error = beside(text, secret, 0o600).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("s3cret"), "{error}");
    };
    wrong(&named, "s3cret", &["sign_in.admin_key_file", "line 3", "secret.txt", "32 characters"]);
    wrong(&format!("{modes}admin_key = \"s3cret\""), "", &["sign_in.admin_key`", "32 characters"]);
    wrong(&format!("{named}\nadmin_key = \"{KEY}\""), KEY, &["keep one"]);
    wrong(&format!("{modes}admin_key_file = \"none.txt\""), "", &["none.txt"]);
    wrong(&format!("{modes}admin_key = \"{}\"", "s3cret ".repeat(8)), "", &["visible ASCII"]);
}

#[test]
fn no_secret_is_ever_printed() {
    let provider = "headway-jwt-secret-that-is-long-enough";
    let file = format!(
        "{}\n[webhooks]\nsecret = \"{SECRET}\"\n",
        jwt(&format!("secret = \"{provider}\"")).replace("\"jwt\"", "\"jwt\", \"keys\"")
    );
    let variables = [("HEADWAY_ADMIN_KEY", KEY), ("HEADWAY_TOKEN", "hw_token")];
    let environment = Environment::of(&variables);
    let configuration = read(&file, &variables, &ServeArguments::default()).unwrap();
    let settings = configuration.settings().unwrap();
    assert_eq!(settings.webhooks.secrets[0].expose(), SECRET);
    let printed = print(&configuration);
    let everything = format!("{printed}{configuration:?}{settings:?}{environment:?}");
    for secret in [KEY, SECRET, provider, "hw_token"] {
        assert!(!everything.contains(secret), "{secret}");
    }
    assert!(printed.contains("admin_key = \"(hidden)\"  # $HEADWAY_ADMIN_KEY"), "{printed}");
}

#[test]
fn a_provider_has_keys_from_one_place() {
    let keys = |text: &str| settings(&jwt(text), &[]).unwrap().sign_in.jwt.unwrap();
    let url = keys("jwks_url = \"https://id.example/keys\"");
    assert!(matches!(url.keys, JwtKeys::Jwks { .. }));
    let public = [JwtAlgorithm::Rs256, JwtAlgorithm::Es256, JwtAlgorithm::EdDsa];
    assert_eq!(url.algorithms, public);
    assert_eq!((url.tenant_claim.as_str(), url.leeway_ms), ("tenant", 60_000));
    let secret = keys(&format!("secret = \"{KEY}\"\ntenant = \"acme\"\nleeway_ms = 0"));
    assert_eq!(secret.algorithms, [JwtAlgorithm::Hs256]);
    assert_eq!((secret.tenant.as_deref(), secret.leeway_ms), (Some("acme"), 0));
    let public = keys("public_key_file = \"p.pem\"\nalgorithms = [\"EdDSA\"]");
    assert_eq!(public.algorithms, [JwtAlgorithm::EdDsa]);

    refused(&jwt(""), &["jwks_url", "sign_in.jwt.secret"]);
    let two = format!("secret = \"{KEY}\"\njwks_file = \"k\"");
    refused(&jwt(&two), &["sign_in.jwt.jwks_file", "one place"]);
    refused(&jwt("public_key_file = \"p.pem\""), &["algorithms"]);
    refused(&jwt("jwks_url = \"http://id.example/keys\""), &["line 6", "https"]);
    let confused = "jwks_file = \"k\"\nalgorithms = [\"HS256\"]";
    refused(&jwt(confused), &["sign_in.jwt.algorithms", "line 7"]);
    refused(&jwt("jwks_file = \"k\"\nalgorithms = [\"none\"]"), &["`none`", "EdDSA"]);
    refused(&jwt("jwks_file = \"k\"\ndefault_role = \"king\""), &["`king`", "viewer"]);
    refused("sign_in.modes = [\"jwt\"]\nsign_in.jwt.jwks_file = \"k\"", &["jwt.issuer"]);
}

#[test]
fn webhooks_are_signed_with_the_newest_secret_and_the_one_before() {
    let newest = format!("{SECRET}bmV3");
    let both = format!("[webhooks]\nsecret = \"{newest}\"\nprevious_secret = \"{SECRET}\"");
    let secrets = settings(&both, &[]).unwrap().webhooks.secrets;
    assert_eq!(secrets.iter().map(Secret::expose).collect::<Vec<_>>(), [newest.as_str(), SECRET]);
    refused(&format!("[webhooks]\nprevious_secret = \"{SECRET}\""), &["webhooks.secret"]);
}
