//! What stands beside the program in the archive: the first pages, the documentation, and whatever
//! these lead to, from page to page, so that no link of a page in the archive leads nowhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command;

/// Where somebody begins to read, and what has to be there.
const FIRST: [&str; 5] =
    ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The folder of the documentation, all of which is handed out.
const DOCUMENTATION: &str = "docs";

/// How links begin: those of Markdown, and those of the HTML in it.
const BEGINNINGS: [(&str, char); 4] =
    [("](", ')'), ("src=\"", '"'), ("srcset=\"", '"'), ("href=\"", '"')];

/// The files of the archive, by their names in the repository. What only lies in a folder and is not
/// kept under version control is none of them.
pub(super) fn linked(root: &Path) -> Result<BTreeSet<String>, String> {
    let mut kept = Command::new("git");
    let kept = command::output(kept.current_dir(root).args(["ls-files", "-z"]))?;
    let kept: BTreeSet<&str> = kept.split_terminator('\0').collect();
    follow(&kept, &|page| {
        fs::read_to_string(root.join(page))
            .map_err(|error| format!("{page} cannot be read: {error}"))
    })
}

/// Goes from page to page; `read` gives the text of one.
fn follow(
    kept: &BTreeSet<&str>,
    read: &dyn Fn(&str) -> Result<String, String>,
) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut unread = Vec::new();
    let mut take = |target: &str, unread: &mut Vec<String>| {
        let files = under(kept, target);
        for file in &files {
            if found.insert((*file).to_owned()) && is_page(file) {
                unread.push((*file).to_owned());
            }
        }
        !files.is_empty()
    };
    for first in FIRST.into_iter().chain([DOCUMENTATION]) {
        if !take(first, &mut unread) {
            return Err(format!("there is no {first} to hand out"));
        }
    }
    while let Some(page) = unread.pop() {
        for link in links(&read(&page)?) {
            let target = target(&page, &link);
            if !target.is_some_and(|target| take(&target, &mut unread)) {
                return Err(format!("{page}: the link to `{link}` leads to nothing that is kept"));
            }
        }
    }
    Ok(found)
}

/// A file, or all files of a folder.
fn under<'k>(kept: &BTreeSet<&'k str>, target: &str) -> Vec<&'k str> {
    let folder = format!("{target}/");
    kept.iter().copied().filter(|file| *file == target || file.starts_with(&folder)).collect()
}

fn is_page(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "md")
}

/// The links of a page that lead to files. What stands in code is none.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code {
            continue;
        }
        for words in line.split('`').step_by(2) {
            for (begin, end) in BEGINNINGS {
                let after = words.split(begin).skip(1);
                let whole = after.filter_map(|rest| rest.split([end, ' ']).next());
                links.extend(whole.filter(|link| is_of_a_file(link)).map(str::to_owned));
            }
        }
    }
    links
}

fn is_of_a_file(link: &str) -> bool {
    let has_scheme = link.split_once(':').is_some_and(|(scheme, _)| !scheme.contains('/'));
    !link.is_empty() && !link.starts_with('#') && !has_scheme
}

/// What a link of a page leads to, from the repository's folder; `None`: out of it.
fn target(page: &str, link: &str) -> Option<String> {
    let path = link.split('#').next().unwrap_or_default();
    let mut place: Vec<&str> = page.split('/').collect();
    place.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(place.pop()?),
            name => place.push(name),
        }
    }
    (!place.is_empty()).then(|| place.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_of_a_page_in_the_archive_leads_to_a_file_in_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = linked(root).unwrap();
        let names: BTreeSet<&str> = files.iter().map(String::as_str).collect();
        let mut count = 0;
        for page in files.iter().filter(|file| is_page(file)) {
            for link in links(&fs::read_to_string(root.join(page)).unwrap()) {
                let target = target(page, &link).unwrap();
                assert!(!under(&names, &target).is_empty(), "{page}: {link}");
                count += 1;
            }
        }
        assert!(count > 100, "only {count} links were found");
        for file in ["ARCHITECTURE.md", "docs/batches.md", "examples/leads/run.py", "LICENSE-MIT"] {
            assert!(files.contains(file), "{file}");
        }
    }

    #[test]
    fn links_of_files_are_found_and_others_are_not() {
        let text = "See [`a`](a.md#place), [b](../b/) and <img src=\"c.png\">.\n\
                    Not [d](https://d.example/d.md), [e](#e), `[f](f.md)`.\n\
                    ```md\n[g](g.md)\n```\n[h](h.md \"with words\")\n";
        assert_eq!(links(text), ["a.md#place", "../b/", "c.png", "h.md"]);
        assert_eq!(target("x/y.md", "a.md#place").as_deref(), Some("x/a.md"));
        assert_eq!(target("x/y.md", "../b/").as_deref(), Some("b"));
        assert_eq!(target("x/y.md", "../../out"), None);
    }

    #[test]
    fn what_a_linked_page_links_is_there_as_well_and_what_is_not_kept_is_told() {
        let kept: BTreeSet<&str> = FIRST
            .into_iter()
            .chain(["docs/a.md", "more/b.md", "more/c/d.py", "other.md"])
            .collect();
        let follow_with = |of_b: &str| {
            follow(&kept, &|page| {
                Ok(match page {
                    "docs/a.md" => "[b](../more/b.md)".to_owned(),
                    "more/b.md" => of_b.to_owned(),
                    _ => String::new(),
                })
            })
        };
        let found = follow_with("[c](c)").unwrap();
        assert!(found.contains("more/c/d.py") && !found.contains("other.md"), "{found:?}");
        let told = follow_with("[c](missing.md)").unwrap_err();
        assert!(told.contains("more/b.md") && told.contains("`missing.md`"), "{told}");
    }
}
