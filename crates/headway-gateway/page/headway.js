// The page: jobs as they move, from the same stream that every client reads.
//
// Session knows who is signed in, Jobs shows what they may see, SignInForm asks who they are. Nothing
// here decides anything about a job or about who may see it: the server's words are shown as they
// come, and a button is a request.
//
// Somebody whose sign-in ends is told so and asked again; the page never tries by itself whether the
// server has changed its mind.

import { question } from "./modules/actions.js";
import { byId, setText } from "./modules/element.js";
import { Jobs } from "./modules/jobs.js";
import { takeLink } from "./modules/link.js";
import { showLink, showNotice, showWho } from "./modules/masthead.js";
import { Refusal, whenUnauthenticated } from "./modules/request.js";
import { Session } from "./modules/session.js";
import { SignInForm } from "./modules/sign_in_form.js";
import { backoff } from "./modules/stream.js";

/** How often the server is told that somebody looks, in milliseconds; a sign-in ends when nobody does. */
const LOOKING_EVERY_MS = 5 * 60_000;
/** Why somebody has to sign in again. */
const SIGNED_OUT = {
  revoked: "You were signed out: what you had signed in with was revoked, or ended elsewhere.",
  token_expired: "You were signed out: your sign-in has expired.",
  unauthenticated: "You were signed out. Sign in to go on.",
};

const session = new Session();
const jobs = new Jobs({
  session,
  transport: new URLSearchParams(location.search).get("transport"),
  onStream,
});
const form = new SignInForm(async (text) => {
  await session.signIn(text);
  showNotice("");
  open();
  byId("jobs").focus({ preventScroll: true });
});
/** Whether the stream has been live since somebody signed in. */
let wasLive = false;
/** Whether somebody is signing out. */
let leaving = false;
/** The next try to find out who is here. */
let nextTry = null;

/** Shows the page to whoever is signed in. */
function open() {
  wasLive = false;
  form.hide();
  showWho(session);
  showExample();
  byId("content").hidden = false;
  showLink({ state: session.has("watch") ? "connecting" : "unable" });
  jobs.open();
}

/** Takes what was shown out of the page, and asks to sign in. */
function close(reason, forget = false) {
  session.forget();
  jobs.close(forget);
  byId("content").hidden = true;
  document.title = "Sign in · Headway";
  showWho(session);
  showLink({ state: "signed-out" });
  form.show(reason);
}

function onStream(state) {
  if (state.state !== "signed-out") {
    if (state.state === "live") wasLive = true;
    showLink(state);
    // An answer that is no stream may have been 401.
    if (state.refused) lookAgain();
    return;
  }
  if (leaving) return;
  close(SIGNED_OUT[state.reason]);
  // Somebody may have signed in again elsewhere in this browser: looked up once, so that a server
  // which takes the sign-in and closes the stream is not asked on and on.
  if (wasLive) lookAgain();
}

/** Finds out again who is signed in, and shows the page to them. */
async function lookAgain() {
  const before = JSON.stringify(session.identity);
  try {
    await session.ask();
  } catch {
    // The server is away, and the state of the connection says so.
    return;
  }
  if (JSON.stringify(session.identity) === before) return;
  if (session.identity) open();
  else close(SIGNED_OUT.unauthenticated);
}

/** Finds out who is here and takes a link that they were given, as often as it takes. */
async function enter(link, failures = 0) {
  cancelNextTry();
  if (link) showNotice("");
  const before = jobs.isOpen ? JSON.stringify(session.identity) : null;
  if (!before) showLink({ state: "connecting" });
  try {
    await session.ask();
  } catch {
    showLink({ state: "waiting" });
    const again = () => enter(link, failures + 1);
    nextTry = { again, timer: setTimeout(again, backoff(failures)) };
    return;
  }
  if (link?.sent) showNotice("The address of this page held a token, which was sent to the server with it and was not used. A link carries its token behind a #.");
  let refusal = null;
  try {
    if (link?.token && session.asks) await follow(link);
  } catch (thrown) {
    refusal = thrown;
  }
  if (!session.identity) {
    close("");
    if (refusal) form.refuse(refusal, link.token);
    return;
  }
  if (refusal) showNotice(`The link cannot be used: ${refusal.message}`);
  if (JSON.stringify(session.identity) === before) jobs.readRoute();
  else open();
}

function cancelNextTry() {
  clearTimeout(nextTry?.timer);
  nextTry = null;
}

/** Signs in with a link's token. Who has signed in by themself, and does not need it, stays so. */
async function follow({ job, token }) {
  if (token.startsWith("hw_")) {
    throw new Refusal(422, "no link may carry an API key: whoever made it should use a watch token");
  }
  if (session.identity && session.identity.credential !== "token") {
    if (job && await session.sees(job)) return;
    const answer = await question({
      title: "Open the link that you were given?",
      text: `It shows what it is for and nothing else, and signs you out as ${session.words.name}.`,
      yes: "Open the link", no: "Stay signed in",
    });
    if (answer === null) return;
  }
  await session.signIn(token);
}

async function signOut() {
  leaving = true;
  showNotice("");
  try {
    await session.signOut();
    history.replaceState(null, "", "#/");
    close("You have signed out.", true);
  } catch (refusal) {
    showNotice(`You are still signed in. ${refusal.message}`);
    if (session.identity) open();
  } finally {
    leaving = false;
  }
}

/** How a first job is made, by whoever may make one. */
function showExample() {
  const sends = [
    ...(session.asks ? ["  -H \"authorization: Bearer $HEADWAY_TOKEN\" \\"] : []),
    "  -H 'content-type: application/json' \\",
  ];
  byId("empty-how").hidden = !session.has("report");
  setText(byId("example"), [
    `curl ${location.origin}/api/v1/jobs \\`,
    ...sends,
    "  -d '{\"kind\":\"import\",\"id\":\"job_first\",\"name\":\"My first job\"}'",
    "",
    `curl ${location.origin}/api/v1/jobs/job_first/events \\`,
    ...sends,
    "  -d '{\"type\":\"progress\",\"percent\":40,\"message\":\"Reading rows\"}'",
  ].join("\n"));
}

whenUnauthenticated(lookAgain);
byId("sign-out").onclick = signOut;
byId("link-now").onclick = () => {
  if (nextTry) nextTry.again();
  else jobs.retryNow();
};
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  byId("jobs").focus();
};
addEventListener("hashchange", () => {
  const link = takeLink();
  if (link) enter(link);
  else jobs.readRoute();
});
addEventListener("online", () => byId("link-now").onclick());
document.addEventListener("visibilitychange", () => {
  // Somebody else may be signed in by now, or somebody again.
  if (!document.hidden && session.asks && !nextTry && !form.inUse) lookAgain();
});
setInterval(() => {
  // Watching is no request, but it is no absence either.
  if (!document.hidden && session.asks && jobs.isOpen) lookAgain();
}, LOOKING_EVERY_MS);

enter(takeLink());
