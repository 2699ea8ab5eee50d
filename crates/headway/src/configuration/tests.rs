use super::*;

pub(super) fn read(
    text: &str,
    variables: &[(&str, &str)],
    flags: &ServeArguments,
) -> Result<Configuration, ConfigurationError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headway.toml");
    std::fs::write(&file, text).unwrap();
    Configuration::read(Some(&file), &Environment::of(variables), flags)
}

#[track_caller]
pub(super) fn refused(text: &str, expected: &[&str]) {
    let configuration = read(text, &[], &ServeArguments::default());
    let error = configuration.and_then(|read| read.settings()).unwrap_err().to_string();
    for part in expected {
        assert!(error.contains(part), "{text:?} gave {error:?}, without {part:?}");
    }
}

#[test]
fn flags_stand_above_the_environment_above_the_file_above_defaults() {
    let file = "listen = \"127.0.0.1:1\"\nallow_exec = true\n";
    let variables = [("HEADWAY_LISTEN", "127.0.0.1:2")];
    let flags = ServeArguments { listen: Some("127.0.0.1:3".into()), ..Default::default() };
    let none = ServeArguments::default();

    let settings = read("", &[], &none).unwrap().settings().unwrap();
    assert_eq!(settings.listen.port(), 4323);
    assert!(!settings.allow_exec);
    let settings = read(file, &[], &none).unwrap().settings().unwrap();
    assert_eq!(settings.listen.port(), 1);
    assert!(settings.allow_exec);
    let settings = read(file, &variables, &none).unwrap().settings().unwrap();
    assert_eq!(settings.listen.port(), 2);
    let configuration = read(file, &variables, &flags).unwrap();
    assert_eq!(configuration.settings().unwrap().listen.port(), 3);

    let printed = print(&configuration);
    assert!(printed.contains("listen = \"127.0.0.1:3\"  # --listen"), "{printed}");
    assert!(printed.contains("headway.toml line 2"), "{printed}");
    assert!(printed.contains("grace_ms = 30000  # default"), "{printed}");
}

#[test]
fn an_unknown_key_is_told_its_line_and_its_neighbour() {
    refused("\nlisen = \"x\"\n", &["line 2", "`lisen`", "did you mean `listen`?"]);
    refused("[retention]\nfinished_job = 1\n", &["line 2", "`retention.finished_jobs`"]);
    refused("[kinds.a]\nconcurency = 1\n", &["line 2", "`kinds.a.concurrency`"]);
    refused("[kinds.a.retry]\nmax_attempt = 1\n", &["line 2", "`kinds.a.retry.max_attempts`"]);
    refused("[kinds.a.steps.one]\nwieght = 1.0\n", &["`kinds.a.steps.one.weight`"]);
    refused("weather = 1\n", &["config schema"]);
}

#[test]
fn values_of_the_wrong_kind_are_refused() {
    refused("listen = 5\n", &["line 1", "listen", "text"]);
    refused("allow_exec = \"yes\"\n", &["allow_exec", "true or false"]);
    refused("grace_ms = -1\n", &["grace_ms", "at least 0"]);
    refused("[limits]\nmax_running = 0\n", &["line 2", "at least 1"]);
    refused("allow_hosts = [1]\n", &["allow_hosts", "list"]);
    refused("log = 5\n", &["section"]);
    refused("listen = \n", &["line 1"]);
    refused("[kinds.a]\nconcurrency = \"many\"\n", &["line 1", "kinds.a"]);
    refused("listen = \"everywhere\"\n", &["ADDRESS:PORT"]);
    refused("store = \"paper\"\n", &["embedded"]);
    refused("rates = \"no-such-file.json\"\n", &["no-such-file.json"]);
    refused("[log]\nformat = \"poem\"\n", &["`poem`"]);
}

#[test]
fn others_are_kept_out_unless_it_is_said() {
    refused("listen = \"0.0.0.0:4323\"\n", &["--insecure", "--sign-in keys", "127.0.0.1"]);
    let warned = |text: &str| {
        let settings = read(text, &[], &ServeArguments::default()).unwrap().settings().unwrap();
        settings.warnings.join("; ")
    };
    let open = "listen = \"0.0.0.0:4323\"\n";
    assert!(warned(&format!("{open}insecure = true\n")).contains("nobody is asked to sign in"));
    let signed_in = warned(&format!("{open}sign_in.modes = [\"keys\"]\n"));
    assert!(signed_in.contains("not encrypted") && signed_in.contains("TLS"), "{signed_in}");
    assert_eq!(warned("sign_in.modes = [\"keys\"]\n"), "", "on loopback a proxy encrypts");
}

#[test]
fn commands_of_requests_are_for_ones_own_machine() {
    let exec = "allow_exec = true\n";
    let way_out = "[kinds.NAME]";
    refused(&format!("{exec}sign_in.modes = [\"keys\"]\n"), &["allow_exec", "line 1", way_out]);
    refused(
        &format!("{exec}trusted_proxies = [\"127.0.0.1\"]\n"),
        &["allow_exec", "proxy", way_out],
    );
    refused(&format!("{exec}insecure = true\nlisten = \"[::]:1\"\n"), &["allow_exec", way_out]);
}

#[test]
fn kinds_are_read_and_their_secrets_hidden() {
    let file = r#"
        allow_hosts = ["localhost"]
        [kinds.score]
        concurrency = 4
        executor = { type = "http", url = "http://user:s3cret@localhost/x?key=s3cret", headers = { X-Signature = "s3cret", Accept = "text/plain" }, body = { api_key = "s3cret" } }
        budget = { max_budget = "5.00" }
        [kinds.score.steps.read]
        weight = 2.0
    "#;
    let configuration = read(file, &[], &ServeArguments::default()).unwrap();
    let settings = configuration.settings().unwrap();
    assert_eq!(settings.kinds["score"].concurrency, Some(4));
    assert_eq!(settings.kinds["score"].steps["read"].weight, Some(2.0));
    let printed = print(&configuration);
    assert!(printed.contains("[kinds.score]") || printed.contains("[kinds.score."), "{printed}");
    assert!(!printed.contains("s3cret"), "{printed}");
    assert!(printed.contains("text/plain"), "{printed}");
    assert!(printed.contains("@localhost/x?"), "{printed}");
}

#[test]
fn a_kind_that_cannot_be_used_is_told_with_its_line() {
    let check = |kind: &str, field: &str, words: &str| {
        let line = kind.lines().position(|line| line.contains('#')).unwrap_or(0) + 2;
        let place = format!("headway.toml line {line})");
        refused(&format!("[kinds.a]\n{kind}\n"), &[&format!("kinds.a{field} ("), &place, words]);
    };
    let http = |rest: &str| format!("executor = {{ type = \"http\", {rest} }}");
    check(&http("url = \"nourl\""), ".executor.url", "is not an address");
    check(&http("url = \"https://a.example/{{input\""), ".executor.url", "}}");
    check(&http("url = \"http://127.0.0.1:9/\""), ".executor.url", "allow");
    let address = "url = \"https://a.example\"";
    check(&http(&format!("{address}, method = \"EXPLODE\"")), ".executor.method", "`EXPLODE`");
    let header = http(&format!("{address}, headers = {{ \"bad header\" = \"x\" }}"));
    check(&header, ".executor.headers.bad header", "not a header's name");
    let command = |rest: &str| format!("executor = {{ type = \"command\", {rest} }}");
    check(&command("argv = []"), ".executor.argv", "names no program");
    check(&command("argv = [\"no-such-program\"]"), ".executor.argv", "`no-such-program`");
    let cat = "argv = [\"cat\"]";
    check(&command(&format!("{cat}, env = [\"HEADWAY_X\"]")), ".executor.env", "`HEADWAY_X`");
    check(&command(&format!("{cat}, cwd = \"/nonexist\"")), ".executor.cwd", "`/nonexist`");
    let none = format!("{cat}, mode = \"stream\", processes = 0");
    check(&command(&none), ".executor.processes", "1 to 256");
    let spread = "concurrency = 2\n[kinds.a.executor]\ntype = \"http\"\nurl = \"nourl\" #";
    check(spread, ".executor.url", "is not an address");

    check("concurrency = 0", ".concurrency", "use 1 to 10000");
    check("timeout_ms = 0", ".timeout_ms", "at least 1");
    check("expires_after_ms = 0", ".expires_after_ms", "at least 1");
    check("stall_after_ms = 0", ".stall_after_ms", "at least 1");
    check("command_timeout_ms = 0", ".command_timeout_ms", "at least 1");
    check("retry = { max_attempts = 0 }", ".retry.max_attempts", "use 1 to 100");
    check("retry = { factor = 0.5 }", ".retry.factor", "use 1 to 10");
    check("rate = { count = 0, per_ms = 0 }", ".rate.count", "at least 1");
    check("[kinds.a.rate]\ncount = 1\nper_ms = 0 #", ".rate.per_ms", "at least 1");
    check("budget = { max_budget = \"-1\" }", ".budget.max_budget", "lets nothing run");
    let soft = "budget = { max_budget = \"1\", soft_budget = \"2\" }";
    check(soft, ".budget.soft_budget", "is not between 0 and 1");
    check("estimate = { sku = \"m\", tokens = -1.0 }", ".estimate.tokens", "-1 units of `tokens`");
    check("[kinds.a.steps.read] #\nweight = -1.0", ".steps", "a weight of -1");

    refused("allow_hosts = [\"a b\"]\n", &["allow_hosts (", "line 1", "`a b`"]);
    refused("\nallow_request_hosts = [\"a b\"]\n", &["allow_request_hosts (", "line 2", "`a b`"]);
}

#[test]
fn the_schema_is_a_configuration_of_the_defaults() {
    let schema = schema(false);
    let with_schema = read(&schema, &[], &ServeArguments::default()).unwrap();
    let without = read("", &[], &ServeArguments::default()).unwrap();
    let values = |configuration: &Configuration| {
        let values = configuration.values.iter().filter(|(path, _)| !path.ends_with("_dir"));
        let values = values.filter(|(path, _)| **path != "data");
        values.map(|(path, (value, _))| (*path, value.to_toml())).collect::<Vec<_>>()
    };
    assert_eq!(values(&with_schema), values(&without));
}

#[test]
fn the_kind_in_the_schema_is_one_that_can_be_used() {
    let schema = schema(false);
    let is_key = |line: &&str| line.starts_with('[') || line.split_once(" = ").is_some();
    let lines = schema.lines().skip_while(|line| !line.contains("[kinds.NAME]"));
    let kind: Vec<_> = lines.filter_map(|line| line.strip_prefix("# ")).filter(is_key).collect();
    let configuration = read(&kind.join("\n"), &[], &ServeArguments::default()).unwrap();
    let settings = configuration.settings().unwrap();
    let kind = &settings.kinds["NAME"];
    // A batch is priced so where nobody says otherwise.
    assert_eq!(kind.batch_rates, Some(true));
    assert!(kind.min_interval_ms > Some(settings.min_interval_ms));
}

#[test]
fn relative_paths_of_a_file_begin_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("headway.toml");
    std::fs::write(&file, "data = \"kept\"\n").unwrap();
    let configuration =
        Configuration::read(Some(&file), &Environment::of(&[]), &ServeArguments::default());
    assert_eq!(configuration.unwrap().settings().unwrap().data, folder.path().join("kept"));
}

#[test]
fn the_environment_is_read_by_its_kind() {
    let none = ServeArguments::default();
    let variables = [("HEADWAY_ALLOW_EXEC", "1"), ("HEADWAY_ALLOW_HOSTS", "a, b")];
    let settings = read("", &variables, &none).unwrap().settings().unwrap();
    assert!(settings.allow_exec);
    assert_eq!(settings.allow_hosts, ["a", "b"]);
    let error = read("", &[("HEADWAY_ALLOW_EXEC", "maybe")], &none).unwrap_err().to_string();
    assert!(error.contains("HEADWAY_ALLOW_EXEC"), "{error}");
}

/// A configuration whose folder has a certificate in `c.pem` and its key in `k.pem`.
fn with_certificate(text: &str) -> Result<Settings, ConfigurationError> {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.path().join("c.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.path().join("k.pem"), made.signing_key.serialize_pem()).unwrap();
    let file = folder.path().join("headway.toml");
    std::fs::write(&file, text).unwrap();
    let environment = Environment::of(&[]);
    Configuration::read(Some(&file), &environment, &ServeArguments::default())?.settings()
}

#[test]
fn a_certificate_is_read_from_beside_the_file() {
    let both = "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n";
    let tls = with_certificate(both).unwrap().tls.unwrap();
    assert_eq!(tls.reload, Some(Duration::from_mins(1)));
    assert_eq!(tls.acceptor.settings().oldest, headway_tls::Version::Tls12);
    let more = format!("{both}oldest = \"1.3\"\nreload_ms = 0\n");
    let tls = with_certificate(&more).unwrap().tls.unwrap();
    assert_eq!(tls.reload, None);
    assert_eq!(tls.acceptor.settings().oldest, headway_tls::Version::Tls13);
    assert!(with_certificate("").unwrap().tls.is_none());
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_with_its_line() {
    let check = |text: &str, expected: &[&str]| {
        let error = with_certificate(&format!("[tls]\n{text}")).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{text:?} gave {error:?}, without {part:?}");
        }
    };
    check("certificate = \"c.pem\"", &["tls.certificate (", "line 2", "`tls.key` is needed"]);
    check("key = \"k.pem\"", &["tls.key (", "`tls.certificate` is needed"]);
    check("certificate = \"c.pem\"\nkey = \"no.pem\"", &["tls.key (", "line 3", "no.pem cannot"]);
    check("certificate = \"no.pem\"\nkey = \"k.pem\"", &["tls.certificate (", "no.pem cannot"]);
    check("certificate = \"k.pem\"\nkey = \"c.pem\"", &["tls.certificate (", "swapped?"]);
    check("certificate = \"c.pem\"\nkey = \"c.pem\"", &["tls.key (", "no private key"]);
    let both = "certificate = \"c.pem\"\nkey = \"k.pem\"\n";
    check(&format!("{both}oldest = \"1.1\""), &["tls.oldest (", "`1.1`", "`1.2`"]);
}

#[test]
fn paces_are_limits_only_where_they_are_set() {
    use headway_gateway::Pace;
    let limits = |text: &str| {
        let configuration = read(text, &[], &ServeArguments::default()).unwrap();
        configuration.settings().unwrap().limits
    };
    let usual = limits("");
    assert_eq!(usual.jobs, Pace::new(100, 200));
    assert_eq!(usual.requests, Some(Pace::new(10_000, 20_000)));
    assert_eq!((usual.requests_of_tenant, usual.jobs_in_all), (None, None));
    let said = limits(
        "[limits]\njobs_per_second_tenant = 5\nrequests_per_second_tenant = 7\n\
                       requests_burst_tenant = 8\nconnections_per_tenant = 3\n",
    );
    assert_eq!(said.jobs_of_tenant, Some(Pace::new(5, 10)));
    assert_eq!(said.requests_of_tenant, Some(Pace::new(7, 8)));
    assert_eq!(said.connections_per_tenant, Some(3));
}

#[test]
fn every_page_may_come_only_where_people_sign_in() {
    let every = "browser.origins = [\"*\"]\n";
    refused(every, &["browser.origins", "line 1", "nobody is asked to sign in"]);
    refused("browser.origins = [\"app.example\"]\n", &["`app.example`", "https://app.example"]);
    refused("browser.hosts = [\"http://a\"]\n", &["browser.hosts", "`http://a`"]);
    let asked = format!("{every}sign_in.modes = [\"keys\"]\n");
    let settings = read(&asked, &[], &ServeArguments::default()).unwrap().settings().unwrap();
    assert_eq!(settings.browser.origins, ["*"]);
}

#[test]
fn clients_of_older_services_are_served_unless_it_is_said() {
    let compatible = |text: &str| {
        read(text, &[], &ServeArguments::default()).unwrap().settings().unwrap().compatible
    };
    assert_eq!(compatible(""), Compatible::default());
    let off = compatible(
        "[compatible]\nenabled = false\nanalysis_kind = \"review\"\nsession_ttl_ms = 60000\n",
    );
    assert!(!off.enabled);
    assert_eq!((&*off.analysis_kind, off.session_ttl), ("review", Duration::from_mins(1)));
    let seldom =
        compatible("[compatible]\nanalysis_heartbeat_ms = 5000\nprogress_heartbeat_ms = 120000\n");
    assert_eq!(
        (seldom.analysis_heartbeat, seldom.client_silence),
        (Duration::from_secs(5), Duration::from_mins(2))
    );
    refused("compatible.analysis_kind = \"\"\n", &["compatible.analysis_kind", "line 1"]);
    for key in ["compatible.analysis_heartbeat_ms", "compatible.progress_heartbeat_ms"] {
        refused(&format!("{key} = 99\n"), &[key, "line 1", "100"]);
    }
}

#[test]
fn every_key_is_in_the_guide_with_its_default() {
    let guide = include_str!("../../../../docs/configuration.md");
    for key in KEYS {
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{}` |", key.path)));
        let row = row.unwrap_or_else(|| panic!("{} is not in docs/configuration.md", key.path));
        for part in [key.default, key.environment, key.flag].into_iter().flatten() {
            assert!(part.is_empty() || row.contains(&format!("`{part}`")), "{part} in {row}");
        }
    }
}
