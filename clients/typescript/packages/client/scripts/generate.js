// Writes the types of the contract from schema/openapi.json; with `--check` it only compares.

import { readFile, writeFile } from "node:fs/promises";

import { compile } from "json-schema-to-typescript";

const CONTRACT = new URL("../../../../../schema/openapi.json", import.meta.url);
const MESSAGES = new URL("../../../../../schema/messages.json", import.meta.url);
const TARGET = new URL("../src/protocol/generated/contract.ts", import.meta.url);

const BANNER = `// Generated from schema/openapi.json and schema/messages.json by \`npm run generate\`. Do not edit.
`;

const REFERENCE = /^#\/(?:components\/schemas|\$defs)\//;
/** What says nothing of a value's type. */
const REMARKS = new Set(["description", "default", "title"]);

/** A schema such that one type has one name and a member keeps its own description. */
function plain(node) {
  if (Array.isArray(node)) return node.map(plain);
  if (node === null || typeof node !== "object") return node;
  const { $ref, ...rest } = node;
  if ($ref !== undefined) {
    const name = $ref.replace(REFERENCE, "");
    const marks = Object.entries(rest.properties ?? {}).map(([key, { const: word }]) => `${key}: ${JSON.stringify(word)}`);
    const tsType = marks.length ? `${name} & { ${marks.join("; ")} }` : name;
    return { tsType, ...(rest.description && { description: rest.description }) };
  }
  if (node.oneOf && node.properties) {
    const { oneOf, description, ...members } = node;
    return { description, allOf: [plain({ oneOf }), plain(members)] };
  }
  const copy = Object.fromEntries(Object.entries(node).map(([key, value]) => [key, KEPT.has(key) ? value : plain(value)]));
  if (copy.properties) {
    copy.properties = Object.fromEntries(Object.entries(copy.properties).map(([key, value]) => [key, anything(value)]));
  }
  // Documents may grow, and readers pass over what they do not know: that needs no index signature.
  if (copy.properties && copy.additionalProperties === undefined) copy.additionalProperties = false;
  return copy;
}

/** Members that are data and no schemas. */
const KEPT = new Set(["default", "const", "enum", "required", "description"]);

/** A schema that takes any value is `unknown`. */
function anything(schema) {
  return Object.keys(schema).every((key) => REMARKS.has(key)) ? { ...schema, tsType: "unknown" } : schema;
}

const { components } = JSON.parse(await readFile(CONTRACT, "utf8"));
const messages = JSON.parse(await readFile(MESSAGES, "utf8"));
const definitions = plain({ ...messages.$defs, ...components.schemas });
const text = await compile({ $defs: definitions }, "Contract", {
  additionalProperties: true,
  bannerComment: BANNER,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  declareExternallyReferenced: true,
  format: true,
  style: { printWidth: 120 },
});
// The schema that only holds the definitions has no meaning of its own.
const written = text
  .replace(/export interface Contract \{[^}]*\}\n/, "")
  .replaceAll(/\n\/\*\*\n \* This interface was referenced by `Contract`'s JSON-Schema\n \* via the `definition` ".*"\.\n \*\/\n/g, "\n")
  .replaceAll(/ \*\n \* This interface was referenced by `Contract`'s JSON-Schema\n \* via the `definition` ".*"\.\n/g, "");

if (process.argv.includes("--check")) {
  const present = await readFile(TARGET, "utf8");
  if (present !== written) {
    console.error("src/protocol/generated/contract.ts is not what schema/ says: run `npm run generate` and commit it");
    process.exitCode = 1;
  }
} else {
  await writeFile(TARGET, written);
}
