import { env } from "node:process";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The page and the node share an address here, as they would behind one proxy.
const proxy = {
  "/api": { target: env["HEADWAY_URL"] ?? "http://127.0.0.1:4323", ws: true },
};

export default defineConfig({
  base: "./",
  plugins: [react()],
  server: { proxy },
  preview: { proxy },
});
