//! The licences of everything that is linked into the program, as their texts ask for it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use super::graph::{Graph, Origin};

/// What files with licences and copyright notices begin with, in lower case.
const NAMES: [&str; 6] = ["license", "licence", "copying", "copyright", "notice", "unlicense"];

/// One text: each licence text once, behind the packages that came with it.
pub(super) fn notice(graph: &Graph) -> Result<String, String> {
    let mut packages = String::new();
    let mut texts: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (key, package) in graph.iter().filter(|(_, package)| package.linked) {
        if package.origin == Origin::Ours {
            continue;
        }
        let license = package.license.as_deref().unwrap_or("see its text");
        let origin = package.repository.as_deref().unwrap_or("https://crates.io");
        writeln!(packages, "{key}  {license}  {origin}").map_err(|error| error.to_string())?;
        for text in texts_in(&package.folder)? {
            texts.entry(text).or_default().push(key);
        }
    }
    let mut notice = format!(
        "Headway contains the packages below, each under its own licence.\n\n{packages}\n\
         SQLite, which libsqlite3-sys carries, is in the public domain.\n"
    );
    for (text, keys) in texts {
        let rule = "-".repeat(80);
        write!(notice, "\n{rule}\n{}\n{rule}\n\n{text}\n", keys.join("\n"))
            .map_err(|error| error.to_string())?;
    }
    Ok(notice)
}

/// The licence texts at the top of a package's folder.
fn texts_in(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("{} cannot be read: {error}", folder.display());
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if path.is_file() && NAMES.iter().any(|begin| name.starts_with(begin)) {
            let text = fs::read(&path).map_err(unreadable)?;
            texts.push(String::from_utf8_lossy(&text).trim().replace("\r\n", "\n"));
        }
    }
    texts.sort();
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::graph::Package;
    use super::*;

    #[test]
    fn the_texts_of_linked_packages_are_there() {
        let graph = super::super::graph::read(&crate::root(), "x86_64-unknown-linux-gnu").unwrap();
        let notice = notice(&graph).unwrap();
        assert!(notice.contains("\nrustls@"), "a line in the list");
        assert!(notice.contains("Permission is hereby granted"), "MIT");
        assert!(notice.contains("Apache License"), "Apache-2.0");
        assert!(!notice.contains("\nproptest@"), "only tests need it");
    }

    #[test]
    fn packages_of_the_dashboard_are_named_with_their_texts() {
        let folder = std::env::temp_dir().join(format!("xtask-notice-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("LICENSE.md"), "Anybody may use the charts.\r\n").unwrap();
        let package = Package {
            name: "charts".to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("ISC".to_owned()),
            description: None,
            repository: Some("https://www.npmjs.com/package/charts".to_owned()),
            origin: Origin::Npm("ab".to_owned()),
            folder: folder.clone(),
            linked: true,
            needs: BTreeSet::new(),
        };
        let ours =
            Package { origin: Origin::Ours, name: "dashboard".to_owned(), ..package.clone() };
        let graph = Graph::from([
            ("npm:charts@1.0.0".to_owned(), package),
            ("npm:dashboard@1.0.0".to_owned(), ours),
        ]);
        let notice = notice(&graph).unwrap();
        fs::remove_dir_all(folder).unwrap();
        let line = "\nnpm:charts@1.0.0  ISC  https://www.npmjs.com/package/charts\n";
        assert!(notice.contains(line), "{notice}");
        assert!(notice.contains("\nnpm:charts@1.0.0\n----"), "{notice}");
        assert!(notice.contains("\nAnybody may use the charts.\n"), "{notice}");
        assert!(!notice.contains("dashboard"), "our own licence stands beside it");
    }
}
