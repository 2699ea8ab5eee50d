import { fileURLToPath } from "node:url";

import { defineConfig, globalIgnores } from "eslint/config";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["**/dist/", "**/build/", "**/generated/", "target/", "fuzz/", ".venv/"]),
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: fileURLToPath(new URL(".", import.meta.url)) },
    },
    rules: {
      // A new kind of frame, output or state has to break the build where it is not thought of.
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
    },
  },
  {
    // The session decides; what it is told comes from outside, and so do time and chance.
    files: [
      "clients/typescript/packages/client/src/{session,document,protocol,replay,metrics}/**/*.ts",
      "clients/typescript/packages/client/src/tabs/{tab,relay,follower,message}.ts",
    ],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{
        regex: "/(transport|watch|http|api)/",
        message: "The session does no I/O: give an output, and let what is around it do it.",
      }] }],
      "no-restricted-globals": ["error", "performance", "setTimeout", "setInterval", "fetch", "WebSocket", "navigator", "crypto"],
      "no-restricted-properties": ["error",
        { object: "Date", property: "now", message: "Time is an argument." },
        { object: "Math", property: "random", message: "Random numbers are arguments." },
      ],
    },
  },
  {
    files: ["clients/typescript/packages/react/**/*.{ts,tsx}", "dashboard/**/*.{ts,tsx}", "examples/**/*.{ts,tsx}"],
    extends: [reactHooks.configs.flat["recommended-latest"]],
  },
  {
    // The element is for pages without React, and shows what the components show.
    files: ["clients/typescript/packages/react/src/{element.ts,element/**,format/**,words/words.ts,batch.ts,status.ts}"],
    rules: {
      "no-restricted-imports": ["error", { patterns: [{
        regex: "^react|/(components|hooks|provider)/|words/context",
        message: "Nothing here may need React: <headway-progress> is made of it.",
      }] }],
    },
  },
  {
    // `test` and `describe` of Node give promises that its runner waits for.
    files: ["**/test/**/*.{ts,tsx}"],
    rules: { "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [
      { from: "package", name: ["test", "describe", "it"], package: "node:test" },
    ] }] },
  },
);
