// The form that asks for a key or token, and says why one was not taken.

import { byId, setAttribute, setText } from "./element.js";

/** A sentence of the server, as one. */
function sentence(text) {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

/**
 * `onSignIn` takes what was pasted; what it fails with is shown. The field is empty as soon as
 * somebody is signed in, and nothing of it is kept.
 */
export class SignInForm {
  #field = byId("credential");
  #button = byId("sign-in-button");
  #error = byId("sign-in-error");
  #onSignIn;
  #countdown = 0;

  constructor(onSignIn) {
    this.#onSignIn = onSignIn;
    byId("sign-in-form").onsubmit = (event) => {
      event.preventDefault();
      this.#submit();
    };
  }

  get shown() {
    return !byId("sign-in").hidden;
  }

  /** Whether somebody is about to sign in. */
  get inUse() {
    return this.#field.value !== "" || this.#button.disabled;
  }

  /** Shows the form, with the reason why it is there. */
  show(reason = "") {
    byId("sign-in").hidden = false;
    this.#showError("");
    setText(byId("sign-in-reason"), reason);
    byId("sign-in-reason").hidden = !reason;
    this.#field.focus();
  }

  hide() {
    this.#field.value = "";
    this.#showError("");
    this.#ready();
    byId("sign-in").hidden = true;
  }

  /** Shows why a key or token was not taken. One that may be taken later stays in the field. */
  refuse(refusal, text = "") {
    if (refusal.mayPass && text) this.#field.value = text;
    if (refusal.mayPass && refusal.retryAfterMs) this.#countDown(refusal.retryAfterMs);
    this.#showError(sentence(refusal.message));
    this.#field.focus();
    this.#field.select();
  }

  async #submit() {
    if (this.#button.disabled) return;
    const text = this.#field.value.trim();
    this.#showError("");
    if (!text) {
      this.#showError("Paste an API key or a token first.");
      this.#field.focus();
      return;
    }
    this.#button.disabled = true;
    setText(this.#button, "Signing in…");
    try {
      await this.#onSignIn(text);
    } catch (refusal) {
      this.#ready();
      this.refuse(refusal);
    }
  }

  #showError(text) {
    this.#say(text);
    setAttribute(this.#field, "aria-invalid", text ? "true" : null);
  }

  #say(text) {
    this.#error.hidden = !text;
    setText(this.#error, text);
  }

  /** Counts down on the button, where nobody is told each second. */
  #countDown(ms) {
    const end = performance.now() + ms;
    clearInterval(this.#countdown);
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left > 0) {
        setText(this.#button, `Try again in ${left} s`);
        return;
      }
      this.#ready();
      this.#say("You can try again now.");
    };
    this.#button.disabled = true;
    this.#countdown = setInterval(tick, 250);
    tick();
  }

  #ready() {
    clearInterval(this.#countdown);
    this.#button.disabled = false;
    setText(this.#button, "Sign in");
  }
}
