// What a person does to sign in, and the proofs that others make for them.

import { createHmac } from "node:crypto";

import { live } from "./dashboard.js";

export const field = (page) => page.getByLabel("API key or token");
export const button = (page) => page.getByRole("main").getByRole("button");
export const form = (page) => page.getByRole("heading", { level: 1, name: "Sign in" });
/** What the page says is wrong. */
export const alarm = (page, text) => page.getByRole("alert").getByText(text);
/** The button that says who is there. */
export const who = (page) => page.getByRole("banner").getByRole("button").last();

export async function signIn(page, proof) {
  await field(page).fill(proof);
  await page.keyboard.press("Enter");
  await live(page);
}

export async function signOut(page) {
  await who(page).click();
  await page.getByRole("button", { name: "Sign out" }).click();
}

/** What is said of whoever is signed in. */
export async function standing(page) {
  await who(page).click();
  const said = await page.getByText(/ · (default|acme)$/).textContent();
  await page.keyboard.press("Escape");
  return said;
}

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
