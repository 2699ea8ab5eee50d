// What a person does to sign in, and the proofs that others make for them.

import { createHmac } from "node:crypto";

export const field = (page) => page.getByLabel("API key or token");
export const button = (page) => page.locator("#sign-in-button");
export const form = (page) => page.getByRole("heading", { name: "Sign in" });
export const card = (page, id) => page.locator(`[data-id="${id}"]`);
export const live = (page) => page.locator("#link[data-state=live]").waitFor();
/** What the page says is wrong. */
export const alarm = (page, text) => page.getByRole("alert").getByText(text);

export async function signIn(page, proof) {
  await field(page).fill(proof);
  await page.keyboard.press("Enter");
  await live(page);
}

export const signOut = (page) => page.getByRole("button", { name: "Sign out" }).click();

/** Marks the document, so that `isMarked` shows whether it is still the same one. */
export const mark = (page) => page.evaluate(() => { window.sameDocument = true; });
export const isMarked = (page) => page.evaluate(() => window.sameDocument === true);

/** Complaints other than the browser's own lines about answers that the page expects. */
export const unexpected = (found) => found.filter((line) => !/status of (401|404|429)/.test(line));

/** An identity provider that signs with a secret: settings below `sign_in`, and its tokens. */
export const provider = {
  settings: {
    modes: ["keys", "jwt"], "jwt.issuer": "https://id.example", "jwt.audience": ["headway"],
    "jwt.secret": "a-secret-of-the-provider-of-these-tests-0123456789",
    "jwt.algorithms": ["HS256"], "jwt.leeway_ms": 0,
  },

  /** A token that ends in so many seconds. */
  token(seconds, claims = {}) {
    const now = Math.floor(Date.now() / 1000);
    const said = { iss: "https://id.example", aud: "headway", exp: now + seconds, ...claims };
    const encode = (part) => Buffer.from(JSON.stringify(part)).toString("base64url");
    const body = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(said)}`;
    return `${body}.${createHmac("sha256", this.settings["jwt.secret"]).update(body).digest("base64url")}`;
  },
};
