//! `cargo xtask dist`: what is handed out, in the folder `dist`.
//!
//! An archive with the program, its documentation with all that this leads to, and the licences of
//! everything in it; a bill of materials; the checksums of both. The same sources, toolchain and system libraries
//! give the same bytes: times are the last commit's (or `SOURCE_DATE_EPOCH`), names of folders of
//! the building machine are replaced, and so is who owns the files.

mod graph;
mod materials;
mod notice;
mod packages;
mod pages;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use materials::Release;

use crate::{Outcome, command, dashboard, say};

/// The name of the licences of others in the archive.
const NOTICE: &str = "THIRD-PARTY.txt";

/// Builds everything; takes no arguments.
pub(crate) fn run(root: &Path, arguments: &[OsString]) -> Outcome {
    if let Some(argument) = arguments.first() {
        return Err(format!("`dist` takes no arguments, not `{}`", argument.to_string_lossy()));
    }
    // What is wrong with a page is told before the long build.
    let pages = pages::linked(root)?;
    let target = host()?;
    let epoch = epoch(root)?;
    dashboard::build(root)?;
    let program = build(root, &target, &epoch)?;
    anonymous(&program, root)?;
    let graph = parts(root, &target)?;
    let version = version(&graph)?;
    let name = format!("headway-{version}-{target}");
    let folder = root.join("dist");
    let staged = folder.join(&name);
    renew(&staged)?;
    for file in pages {
        copy_to_its_place(root, &file, &staged)?;
    }
    copy(&program, &staged.join("headway"))?;
    write(&staged.join(NOTICE), &notice::notice(&graph)?)?;
    let (archive, bill) = (format!("{name}.tar.gz"), format!("{name}.cdx.json"));
    write(&folder.join(&bill), &bill_of_materials(root, &target, &epoch)?)?;
    pack(&folder, &name, &archive, &epoch)?;
    remove(&staged)?;
    let mut sums = Command::new("sha256sum");
    let sums = command::output(sums.current_dir(&folder).args([&archive, &bill]))?;
    write(&folder.join("SHA256SUMS"), &sums)?;
    say(&format!("{sums}in {}\n", folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// The bill of materials of the program for a machine, as text.
pub(crate) fn bill_of_materials(root: &Path, target: &str, epoch: &str) -> Result<String, String> {
    let graph = parts(root, target)?;
    let version = version(&graph)?;
    let mut date = Command::new("date");
    let time = command::output(
        date.args(["--utc", "+%Y-%m-%dT%H:%M:%SZ", "--date"]).arg(format!("@{epoch}")),
    )?;
    let bill = materials::bill(&graph, Release { version: &version, target, time: time.trim() })?;
    let bill = materials::numbered(bill.clone(), &digest(&bill.to_string())?);
    let bill = bill.ok_or("sha256sum printed no checksum")?;
    let text = serde_json::to_string_pretty(&bill).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// The packages whose code is in the dashboard, by name, each with its licence.
pub(crate) fn dashboard_licences(root: &Path) -> Result<Vec<(String, Option<String>)>, String> {
    let (_, packages) = packages::read(root)?;
    Ok(packages.into_values().map(|package| (package.name, package.license)).collect())
}

/// The machine that this is, as rustc names it.
pub(crate) fn host() -> Result<String, String> {
    let version = command::output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say for which machine it is")?.to_owned())
}

/// The time that everything bears: what the environment says, else the last commit's.
pub(crate) fn epoch(root: &Path) -> Result<String, String> {
    let said = std::env::var_os("SOURCE_DATE_EPOCH").and_then(|said| said.into_string().ok());
    let epoch = match said {
        Some(epoch) => epoch,
        None => command::output(Command::new("git").current_dir(root).args([
            "log",
            "-1",
            "--format=%ct",
        ]))?,
    };
    let epoch = epoch.trim();
    let whole = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
    whole
        .then(|| epoch.to_owned())
        .ok_or_else(|| format!("`{epoch}` is no time: SOURCE_DATE_EPOCH takes seconds since 1970"))
}

/// Everything that the program is made of: crates, and the packages of the dashboard in it.
fn parts(root: &Path, target: &str) -> Result<graph::Graph, String> {
    let mut graph = graph::read(root, target)?;
    let (dashboard, packages) = packages::read(root)?;
    let program = graph.values_mut().find(|package| package.name == graph::PROGRAM);
    let program = program.ok_or("the program is not among its own packages")?;
    program.needs.insert(dashboard);
    graph.extend(packages);
    Ok(graph)
}

/// The program's own version.
fn version(graph: &graph::Graph) -> Result<String, String> {
    let program = graph.values().find(|package| package.name == graph::PROGRAM);
    Ok(program.ok_or("the program is not among its own packages")?.version.clone())
}

/// Folders of this machine and what stands for them in the program.
fn folders(root: &Path) -> Vec<(PathBuf, &'static str)> {
    let home = std::env::home_dir();
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    // The last that fits counts, for both compilers.
    let folders = [(home, "/home"), (cargo, "/cargo"), (Some(root.to_path_buf()), "/headway")];
    folders.into_iter().filter_map(|(folder, name)| Some((folder?, name))).collect()
}

/// Builds the program; naming the machine keeps the flags away from build scripts.
fn build(root: &Path, target: &str, epoch: &str) -> Result<PathBuf, String> {
    let folders = folders(root);
    let flags = |flag: &str, separator: &str| {
        let flags =
            folders.iter().map(|(folder, name)| format!("{flag}{}={name}", folder.display()));
        flags.collect::<Vec<_>>().join(separator)
    };
    let mut build = command::cargo();
    build
        .current_dir(root)
        .env("SOURCE_DATE_EPOCH", epoch)
        .env("CARGO_ENCODED_RUSTFLAGS", flags("--remap-path-prefix=", "\u{1f}"))
        .env(format!("CFLAGS_{}", target.replace('-', "_")), flags("-ffile-prefix-map=", " "))
        .args(["build", "--release", "--locked", "--package", graph::PROGRAM, "--target", target])
        // Names of functions stay, for whoever reads a backtrace; lines of source do not.
        .args(["--config", "profile.release.strip='debuginfo'"]);
    command::succeed(&mut build)?;
    let mut metadata = command::cargo();
    metadata.current_dir(root).args(["metadata", "--format-version", "1", "--no-deps", "--locked"]);
    let metadata: serde_json::Value = serde_json::from_str(&command::output(&mut metadata)?)
        .map_err(|error| format!("cargo metadata cannot be read: {error}"))?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    let folder = Path::new(folder.ok_or("cargo metadata names no target folder")?);
    Ok(folder.join(target).join("release").join(graph::PROGRAM))
}

/// Nothing in the program tells where it was built.
fn anonymous(program: &Path, root: &Path) -> Result<(), String> {
    let bytes = fs::read(program)
        .map_err(|error| format!("{} cannot be read: {error}", program.display()))?;
    for (folder, _) in folders(root) {
        let Some(name) = folder.to_str().filter(|name| name.len() > 1) else { continue };
        let name = format!("{name}/");
        if let Some(place) = bytes.windows(name.len()).position(|part| part == name.as_bytes()) {
            let end = bytes.len().min(place + 120);
            let shown = bytes.get(place..end).unwrap_or_default();
            let shown =
                String::from_utf8_lossy(shown.split(|byte| *byte == 0).next().unwrap_or_default())
                    .into_owned();
            return Err(format!("the program names a folder of this machine: {shown}"));
        }
    }
    Ok(())
}

/// The archive: names in order, nobody's files, one time for all.
fn pack(folder: &Path, name: &str, archive: &str, epoch: &str) -> Result<(), String> {
    let plain = format!("{name}.tar");
    command::succeed(
        Command::new("tar")
            .current_dir(folder)
            .args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .args(["--mode=u+rwX,go+rX,go-w", "--format=ustar"])
            .arg(format!("--mtime=@{epoch}"))
            .args(["--file", &plain, name]),
    )?;
    let mut gzip = Command::new("gzip");
    command::succeed(gzip.current_dir(folder).args(["--no-name", "--best", "--force", &plain]))?;
    debug_assert_eq!(archive, format!("{plain}.gz"), "gzip names it so");
    Ok(())
}

/// The SHA-256 of a text.
fn digest(text: &str) -> Result<String, String> {
    let not_run = |error: std::io::Error| format!("sha256sum could not be run: {error}");
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(not_run)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes()).map_err(not_run)?;
    }
    let output = child.wait_with_output().map_err(not_run)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn renew(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        remove(folder)?;
    }
    fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))
}

fn remove(folder: &Path) -> Result<(), String> {
    fs::remove_dir_all(folder)
        .map_err(|error| format!("{} cannot be removed: {error}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let copied = fs::copy(from, to);
    copied.map(drop).map_err(|error| format!("{} cannot be copied: {error}", from.display()))
}

/// Copies a file of the repository to where it stands there.
fn copy_to_its_place(root: &Path, file: &str, staged: &Path) -> Result<(), String> {
    let target = staged.join(file);
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)
            .map_err(|error| format!("{} cannot be made: {error}", parent.display()))?;
    }
    copy(&root.join(file), &target)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
