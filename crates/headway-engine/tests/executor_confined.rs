//! What a program may use and touch, shown by real programs that try.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod executor_support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use executor_support::{
    attempt, error, executor, limited_executor, lives, output, pids, run, try_executor, until,
};
use headway_engine::executor::{Execute, ProcessLimits};
use serde_json::{Value, json};

fn python(script: &str, limits: ProcessLimits) -> Arc<dyn Execute> {
    let json = json!({"type": "command", "argv": ["python3", "-c", script]});
    limited_executor(json, &std::env::temp_dir(), limits).unwrap()
}

/// What a Python program prints of itself.
async fn told(script: &str) -> Value {
    let script = format!("import json, os, resource\nprint(json.dumps({script}))");
    output(&run(&python(&script, ProcessLimits::default()), &attempt(0, &Value::Null)).await)
}

#[tokio::test]
async fn every_process_has_a_folder_of_its_own_that_goes_with_it() {
    let script = "[os.getcwd(), os.environ['HOME'], os.environ['TMPDIR'], \
                  oct(os.stat('.').st_mode & 0o777), os.listdir('.'), open('left', 'w').write('x')]";
    let (one, other) = tokio::join!(told(script), told(script));
    assert_ne!(one[0], other[0]);
    for told in [one, other] {
        let folder = PathBuf::from(told[0].as_str().unwrap());
        assert_eq!((&told[1], &told[2]), (&told[0], &told[0]));
        assert_eq!((&told[3], &told[4]), (&json!("0o700"), &json!([])));
        until("the end of the folder", || !folder.exists()).await;
    }
}

#[tokio::test]
async fn a_worker_of_a_pool_has_one_folder_for_its_life() {
    let script = "import json, os, sys\n\
                  for line in sys.stdin:\n    \
                      index = json.loads(line)['index']\n    \
                      print(json.dumps({'index': index, 'output': os.getcwd()}), flush=True)";
    let pool = executor(json!({"type": "command", "mode": "stream", "processes": 1,
        "argv": ["python3", "-c", script]}));
    let one = output(&run(&pool, &attempt(0, &Value::Null)).await);
    let other = output(&run(&pool, &attempt(1, &Value::Null)).await);
    assert_eq!(one, other);
    let folder = PathBuf::from(one.as_str().unwrap());
    assert!(folder.exists());
    pool.close().await;
    until("the end of the folder", || !folder.exists()).await;
}

#[tokio::test]
async fn files_of_the_working_folder_are_found_from_anywhere() {
    let dir = tempfile::tempdir().unwrap();
    let script = "import json, os, sys, beside\nprint(json.dumps([sys.argv[1:], os.getcwd()]))";
    std::fs::write(dir.path().join("worker.py"), script).unwrap();
    std::fs::write(dir.path().join("beside.py"), "").unwrap();
    std::fs::write(dir.path().join("-v"), "").unwrap();
    let argv = json!(["python3", "worker.py", "beside.py", "-v", "missing", ".", ""]);
    let own = json!({"type": "command", "argv": argv});
    let told = output(&run(&try_executor(own, dir.path()).unwrap(), &attempt(0, &json!(1))).await);
    let beside = dir.path().join("beside.py").display().to_string();
    assert_eq!(told[0], json!([beside, "-v", "missing", ".", ""]));
    assert_ne!(Path::new(told[1].as_str().unwrap()), dir.path());

    let named = json!({"type": "command", "argv": argv, "cwd": "."});
    let told =
        output(&run(&try_executor(named, dir.path()).unwrap(), &attempt(0, &json!(1))).await);
    assert_eq!(told[0], json!(["beside.py", "-v", "missing", ".", ""]));
    assert_eq!(Path::new(told[1].as_str().unwrap()), dir.path().canonicalize().unwrap());
}

#[test]
fn what_is_the_servers_own_is_not_passed_on() {
    for name in ["HEADWAY_TOKEN", "HEADWAY_WEBHOOK_SECRET", "HEADWAY_ANYTHING"] {
        let json = json!({"type": "command", "argv": ["env"], "env": [name]});
        let problem = try_executor(json, &std::env::temp_dir()).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some("executor.env"));
        assert!(problem.detail.contains(name), "{}", problem.detail);
    }
}

#[tokio::test]
async fn limits_are_there_before_the_program_is() {
    let script = "[resource.getrlimit(getattr(resource, 'RLIMIT_' + name)) \
                  for name in ['CORE', 'DATA', 'NOFILE', 'FSIZE']]";
    let four = 4_i64 << 30;
    assert_eq!(told(script).await, json!([[0, 0], [four, four], [1024, 1024], [four, four]]));
}

#[tokio::test]
async fn who_uses_more_than_its_kind_may_fails() {
    for (limits, script, code, said) in [
        (
            ProcessLimits { memory_bytes: Some(256 << 20), ..ProcessLimits::default() },
            "bytearray(512 << 20)",
            "exit_code",
            "MemoryError",
        ),
        (
            ProcessLimits { open_files: Some(16), ..ProcessLimits::default() },
            "[open('/dev/null') for _ in range(20)]",
            "exit_code",
            "Too many open files",
        ),
        (
            ProcessLimits { file_bytes: Some(1 << 20), ..ProcessLimits::default() },
            "open('f', 'wb').write(bytes(2 << 20))",
            "exit_code",
            "File too large",
        ),
        (
            ProcessLimits { cpu_seconds: Some(1), ..ProcessLimits::default() },
            "while True: pass",
            "signal",
            "SIGXCPU",
        ),
    ] {
        let ended = run(&python(script, limits), &attempt(0, &Value::Null)).await;
        let error = error(&ended);
        assert_eq!(error.code, code, "{script}: {}", error.message);
        assert!(error.message.contains(said), "{script}: {}", error.message);
    }
}

#[tokio::test]
async fn who_writes_without_end_is_ended() {
    let limits = ProcessLimits { output_bytes: Some(1 << 20), ..ProcessLimits::default() };
    for (mode, script) in [
        ("item", "yes >&2"),
        ("item", r#"yes '{"headway":{"progress":1}}'"#),
        ("stream", "yes >&2"),
        ("stream", r#"yes '{"index":0,"progress":1}'"#),
        ("stream", "yes ''"),
    ] {
        let json = json!({"type": "command", "mode": mode, "argv": ["sh", "-c", script]});
        let program = limited_executor(json, &std::env::temp_dir(), limits.clone()).unwrap();
        let ended = run(&program, &attempt(0, &Value::Null)).await;
        let error = error(&ended);
        assert_eq!((error.code.as_str(), error.retryable), ("output_too_large", false), "{script}");
        assert!(error.message.contains("output_bytes"), "{}", error.message);
        program.close().await;
    }
}

#[tokio::test]
async fn nothing_is_inherited_but_three_pipes() {
    // Connections of watchers, and something that whoever started the server left open.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let watcher = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let left_open = nix::unistd::dup(tempfile::tempfile().unwrap()).unwrap();
    // The fourth is the folder that is being listed.
    let open = told("sorted(map(int, os.listdir('/proc/self/fd')))").await;
    assert_eq!(open.as_array().map(Vec::len), Some(4), "{open}");
    assert_eq!(open.as_array().unwrap()[..3], [json!(0), json!(1), json!(2)]);
    drop((watcher, accepted, left_open));
}

#[tokio::test]
async fn a_program_has_a_session_no_terminal_and_no_way_to_more_rights() {
    let script = "[os.getpid() == os.getsid(0) == os.getpgid(0), \
                  'NoNewPrivs:\\t1' in open('/proc/self/status').read()]";
    assert_eq!(told(script).await, json!([true, true]));
    let terminal = python("open('/dev/tty')", ProcessLimits::default());
    let ended = run(&terminal, &attempt(0, &Value::Null)).await;
    assert!(error(&ended).message.contains("/dev/tty"), "{}", error(&ended).message);
}

#[tokio::test]
async fn programs_are_the_first_to_go_when_memory_is_short() {
    let script = "import time\n\
                  score = lambda: int(open('/proc/self/oom_score_adj').read())\n\
                  while score() < 500: time.sleep(0.01)\n\
                  print(score())";
    let mut about = attempt(0, &Value::Null);
    about.timeout = Some(executor_support::PATIENCE);
    let ended = run(&python(script, ProcessLimits::default()), &about).await;
    assert!(output(&ended).as_i64() >= Some(500));
}

/// Not a test: a server that is killed by one.
#[tokio::test]
#[ignore = "started by another test"]
async fn a_server_to_be_killed() {
    let Some(folder) = std::env::var_os("HEADWAY_TEST_FOLDER") else { return };
    let json = json!({"type": "command", "cwd": ".",
        "argv": ["sh", "-c", "echo $$ > pids.new; mv pids.new pids; exec sleep 1000"]});
    let program = try_executor(json, Path::new(&folder)).unwrap();
    // Idle for longer than threads live that come and go.
    run_for_long(&program).await;
}

async fn run_for_long(program: &Arc<dyn Execute>) {
    let mut about = attempt(0, &Value::Null);
    about.timeout = Some(Duration::from_mins(2));
    let news = executor_support::Heard::default().sink();
    program.run(&about, &news, &tokio_util::sync::CancellationToken::new()).await;
}

#[tokio::test]
async fn nobody_outlives_a_server_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_server_to_be_killed", "--ignored", "--nocapture"])
        .env("HEADWAY_TEST_FOLDER", dir.path())
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = dir.path().join("pids");
    until("a program", || !pids(&file).is_empty()).await;
    let program = pids(&file)[0];
    assert!(lives(program));
    server.kill().unwrap();
    server.wait().unwrap();
    until("the end of the program", || !lives(program)).await;
}
