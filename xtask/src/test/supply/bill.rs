//! The bill of materials, held against the standard's own schema and against the lock file.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Check;
use crate::{command, dist};

/// Validates a file: as strictly as the schema can, and what no schema says.
const VALIDATE: &str = r#"
import json, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1], encoding="utf-8").read()
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
if error:
    sys.exit(str(error))
bill = json.loads(text)
parts = [part["bom-ref"] for part in bill["components"]] + [bill["metadata"]["component"]["bom-ref"]]
if len(parts) != len(set(parts)):
    sys.exit("a part is named twice")
edges = {edge["ref"]: edge.get("dependsOn", []) for edge in bill["dependencies"]}
if set(edges) != set(parts) or not set().union(*edges.values()) <= set(parts):
    sys.exit("the graph does not consist of the parts")
for part in bill["components"]:
    if part.get("purl", "").startswith(("pkg:cargo/", "pkg:npm/")) and not part.get("hashes"):
        sys.exit(f"no checksum for {part['name']}")
    if not part.get("licenses"):
        sys.exit(f"no licence for {part['name']}")
"#;

/// Makes the bill for this machine, twice, and lets the standard's own library judge it.
pub(super) fn valid(root: &Path, programs: &Path) -> Check {
    Check::of((|| {
        let (host, epoch) = (dist::host()?, dist::epoch(root)?);
        let bill = dist::bill_of_materials(root, &host, &epoch)?;
        if dist::bill_of_materials(root, &host, &epoch)? != bill {
            return Err("made twice, it is not the same".to_owned());
        }
        let path = root.join("target/bill-of-materials.cdx.json");
        fs::write(&path, bill)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        let mut validate = Command::new(programs.join("python"));
        let (held, told) = command::judged(validate.args(["-c", VALIDATE]).arg(&path))?;
        if held { Ok(()) } else { Err(told) }
    })())
}
