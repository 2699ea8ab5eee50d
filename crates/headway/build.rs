//! Takes the dashboard into the program: every file of `dashboard/dist`, as a table of paths and
//! bytes that `src/dashboard.rs` reads.
//!
//! The folder is built by `cargo xtask dashboard`. Where nobody has, the table is empty and the
//! program is built all the same.

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let dashboard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboard");
    let built = dashboard.join("dist");
    let mut files = Vec::new();
    if built.is_dir() {
        // Without it a build has not ended, or not well, and there is nothing to show.
        if built.join("index.html").is_file() {
            collect(&built, &mut files)?;
        }
        println!("cargo::rerun-if-changed={}", built.display());
    } else {
        // A path that is not there would have the program built again every time.
        println!("cargo::rerun-if-changed={}", dashboard.display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    files.sort();
    let output = std::env::var_os("OUT_DIR").ok_or("cargo names no folder for what is made")?;
    let output = Path::new(&output);
    let taken = output.join("dashboard");
    if taken.exists() {
        fs::remove_dir_all(&taken)?;
    }
    let mut table = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&built)?.to_str().ok_or("a name that is not UTF-8")?;
        let place = taken.join(name);
        take(&file, &place).map_err(|error| {
            format!("{name} of the dashboard could not be taken ({error}): build again when nobody builds the dashboard")
        })?;
        let place = place.to_str().ok_or("a folder whose name is not UTF-8")?;
        writeln!(table, "({name:?}, include_bytes!({place:?})),")?;
    }
    table.push(']');
    fs::write(output.join("dashboard.rs"), table)?;
    Ok(())
}

/// Copies a file: a dashboard that is built anew while the program compiles does not take away what
/// the compiler is about to read.
fn take(file: &Path, place: &Path) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(file, place)?;
    Ok(())
}

/// The files of a folder and of those in it. What begins with a dot is not served.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_dir() && !hidden {
            collect(&entry.path(), files)?;
        } else if !hidden {
            files.push(entry.path());
        }
    }
    Ok(())
}
