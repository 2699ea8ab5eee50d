// Compiles the examples of README.md and of the entries, so that they cannot say what is no longer so.

import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../", import.meta.url);
const FOLDER = new URL("build/examples/", PACKAGE);
const SOURCES = ["README.md", "src/index.ts", "src/watch.ts"];

/** What examples speak of without making it. */
const GIVEN = {
  headway: 'declare const headway: import("@headway/client").Headway;',
  fetchToken: "declare function fetchToken(): Promise<string>;",
  fetchTokenFromYourServer: "declare function fetchTokenFromYourServer(): Promise<string>;",
  showSignIn: "declare function showSignIn(reason: string): void;",
  file: "declare const file: File;",
};

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
let count = 0;
for (const source of SOURCES) {
  const text = (await readFile(new URL(source, PACKAGE), "utf8")).replaceAll(/^ \* ?/gm, "");
  for (const [, code] of text.matchAll(/^```ts\n(.*?)^```$/gms)) {
    const given = Object.entries(GIVEN)
      .filter(([name]) => new RegExp(`\\b${name}\\b`).test(code) && !code.includes(`const ${name} =`))
      .map(([, declaration]) => declaration);
    count += 1;
    const name = `${source.replaceAll(/\W/g, "_")}_${count}.ts`;
    await writeFile(new URL(name, FOLDER), `${given.join("\n")}\n${code}\nexport {};\n`);
  }
}
const settings = {
  extends: "../../tsconfig.json",
  compilerOptions: {
    noEmit: true,
    rootDir: "../..",
    paths: { "@headway/client": ["../../src/index.ts"], "@headway/client/watch": ["../../src/watch.ts"] },
  },
  include: ["*.ts"],
  exclude: [],
};
await writeFile(new URL("tsconfig.json", FOLDER), JSON.stringify(settings));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const { status } = spawnSync(process.execPath, [compiler, "--project", fileURLToPath(FOLDER)], { stdio: "inherit" });
if (status === 0) console.log(`${count} examples compile`);
else process.exitCode = 1;
