// How the dashboard is built: files that a server can hand out as they are, each also compressed.

import { createHash } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const SERVER = process.env["HEADWAY_URL"] ?? "http://127.0.0.1:4323";
const THEME = fileURLToPath(new URL("src/shell/theme_before_paint.js", import.meta.url));

/** What the first paint needs: the face of its text, and the kept theme by a small script of its own, because nothing may stand inline. */
function firstPaint(): Plugin {
  let served = "src/shell/theme_before_paint.js";
  return {
    name: "headway-first-paint",
    async generateBundle() {
      const source = await readFile(THEME, "utf8");
      const hash = createHash("sha256").update(source).digest("base64url").slice(0, 8);
      served = `assets/theme-${hash}.js`;
      this.emitFile({ type: "asset", fileName: served, source });
    },
    transformIndexHtml: {
      order: "post",
      handler: (_html, { bundle }) => {
        const emitted = Object.keys(bundle ?? {}).find((name) => name.startsWith("assets/theme-"));
        const font = Object.keys(bundle ?? {}).find((name) => name.startsWith("assets/geist-latin-wght-normal-"));
        return [
          { tag: "script", attrs: { src: emitted === undefined ? `/${served}` : `./${emitted}` }, injectTo: "head" },
          ...(font === undefined ? [] : [{ tag: "link", attrs: { rel: "preload", href: `./${font}`, as: "font", type: "font/woff2", crossorigin: true }, injectTo: "head" as const }]),
        ];
      },
    },
  };
}

/** Beside every text stands the same text compressed, where that is smaller. */
function compressed(): Plugin {
  const brotli = promisify(brotliCompress);
  const gzipped = promisify(gzip);
  let folder = "dist";
  return {
    name: "headway-compressed",
    apply: "build",
    configResolved: (config) => { folder = resolve(config.root, config.build.outDir); },
    closeBundle: async () => {
      for (const name of await readdir(folder, { recursive: true })) {
        const path = join(folder, name);
        if (!/\.(html|js|css|svg)$/.test(name) || !(await stat(path)).isFile()) continue;
        const text = await readFile(path);
        const forms = [
          [".br", await brotli(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })],
          [".gz", await gzipped(text, { level: 9 })],
        ] as const;
        for (const [ending, form] of forms) if (form.length < text.length) await writeFile(path + ending, form);
      }
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [react(), firstPaint(), compressed()],
  build: {
    target: ["chrome123", "firefox121", "safari17.5"],
    // Fonts are files; only the icon is small enough to stand in the page.
    assetsInlineLimit: (path) => path.endsWith(".svg"),
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: Object.fromEntries(["/api", "/metrics", "/healthz", "/readyz"].map((path) => [path, { target: SERVER, ws: true }])),
  },
});
