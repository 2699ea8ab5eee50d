// Compiles the examples of README.md, of the guide and of the entries, so that they cannot say what is no longer so.

import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../", import.meta.url);
const FOLDER = new URL("build/examples/", PACKAGE);
const SOURCES = ["README.md", "../../../../docs/react.md"];

/** What examples speak of without making it. */
const GIVEN = {
  headway: 'declare const headway: import("@headway/client").Headway;',
  fetchTokenFromYourServer: "declare function fetchTokenFromYourServer(): Promise<string>;",
  report: "declare function report(error: unknown): void;",
};

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const exported = [...(await readFile(new URL("src/index.ts", PACKAGE), "utf8")).matchAll(/^export (type )?\{ ([^}]+) \}/gm)].flatMap(([, type = "", names]) =>
  names.split(", ").map((name) => ({ name, clause: type + name })),
);
const hooks = ["useEffect", "useState"];
let count = 0;
for (const source of SOURCES) {
  const text = await readFile(new URL(source, PACKAGE), "utf8");
  for (const [, code] of text.matchAll(/^```tsx\n(.*?)^```$/gms)) {
    const uses = (name) => new RegExp(`\\b${name}\\b`).test(code);
    const imports = code.includes('from "@headway/react"') ? [] : [`import { ${exported.filter(({ name }) => uses(name)).map(({ clause }) => clause).join(", ")} } from "@headway/react";`];
    if (!code.includes('from "react"') && hooks.some(uses)) imports.push(`import { ${hooks.filter(uses).join(", ")} } from "react";`);
    const given = Object.entries(GIVEN)
      .filter(([name]) => uses(name) && !code.includes(`const ${name} =`))
      .map(([, declaration]) => declaration);
    count += 1;
    await writeFile(new URL(`example_${count}.tsx`, FOLDER), `${[...imports, ...given].join("\n")}\n${code}\nexport {};\n`);
  }
}
await writeFile(new URL("styles.d.ts", FOLDER), 'declare module "@headway/react/styles.css";\n');
const settings = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    noEmit: true,
    rootDir: "../..",
    paths: { "@headway/react": ["../../src/index.ts"], "@headway/react/element": ["../../src/element.ts"] },
  },
  include: ["*.tsx", "*.d.ts"],
  exclude: [],
};
await writeFile(new URL("tsconfig.json", FOLDER), JSON.stringify(settings));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "--project", fileURLToPath(FOLDER)], { stdio: "inherit" });
if (status === 0) console.log(`${count} examples compile`);
else process.exitCode = 1;
