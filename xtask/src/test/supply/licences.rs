//! The licences of what the dashboard brings into the program; those of crates are deny.toml's.

use std::path::Path;

use super::Check;
use crate::dist;

/// Licences under which code may be in the dashboard, each by its SPDX name.
const USED: [&str; 6] = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

/// The licence that fonts may be under, which lets them be handed out with a program and not sold by
/// themselves.
const FONTS: &str = "OFL-1.1";

/// Packages that are fonts and nothing else.
const FONT_SCOPE: &str = "@fontsource-variable/";

/// Whether each package in the dashboard has a licence that is used here.
pub(super) fn of_dashboard(root: &Path) -> Check {
    Check::of(dist::dashboard_licences(root).and_then(|packages| {
        let wrong = packages.iter().filter(|(name, license)| !is_used(name, license.as_deref()));
        let wrong: Vec<_> = wrong
            .map(|(name, license)| format!("{name} ({})", license.as_deref().unwrap_or("none")))
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("not used here: {}", wrong.join(", "))) }
    }))
}

/// Whether a package may be in the dashboard. Of a choice one licence that is used is enough.
fn is_used(name: &str, license: Option<&str>) -> bool {
    let Some(license) = license else { return false };
    let choices = license.trim_matches(['(', ')']).split(" OR ");
    let mut choices = choices.map(str::trim);
    choices
        .any(|choice| USED.contains(&choice) || (choice == FONTS && name.starts_with(FONT_SCOPE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_licences_that_are_named_are_used() {
        let check = |name: &str, license: Option<&str>, used: bool| {
            assert_eq!(is_used(name, license), used, "{name} {license:?}");
        };
        check("react", Some("MIT"), true);
        check("headway-dashboard", Some("MIT OR Apache-2.0"), true);
        check("a", Some("(GPL-3.0-only OR ISC)"), true);
        check("a", Some("GPL-3.0-only"), false);
        check("a", Some("MIT AND GPL-3.0-only"), false);
        check("a", Some("MITNFA"), false);
        check("a", None, false);
        check("@fontsource-variable/geist", Some("OFL-1.1"), true);
        check("a", Some("OFL-1.1"), false);
    }

    #[test]
    fn the_dashboard_holds_to_it() {
        assert_eq!(of_dashboard(&crate::root()), Check::Held);
    }
}
