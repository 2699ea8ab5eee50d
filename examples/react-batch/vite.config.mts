import { env } from "node:process";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// While the page is worked on, what it asks of its own server goes to `npm start`. Headway is not behind this proxy.
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/api": { target: `http://127.0.0.1:${env["PORT"] ?? "3000"}` } } },
});
