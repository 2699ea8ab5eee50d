// What may be asked of a job, and asking it.

import { byId, setText } from "./element.js";
import { titleOf, whole } from "./format.js";
import { post } from "./request.js";

/** The actions that a job's status allows; the server has the last word. */
export function actionsFor(job) {
  switch (job.status) {
    case "pending":
    case "queued":
    case "running":
      return new Set(["pause", "cancel"]);
    case "pausing":
    case "paused":
      return new Set(["resume", "cancel"]);
    case "failed":
    case "cancelled":
    case "expired":
      return new Set(["retry"]);
    case "completed":
      return new Set(job.items?.failed > 0 ? ["retry"] : []);
    default:
      return new Set();
  }
}

const stoppedByBudget = (job) => job.error?.code?.startsWith("budget") ?? false;

/** Asks a question in the page's dialog; `null` when the answer was no, else what was typed. */
export function question({ title, text, yes, no, label, value }) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  setText(byId("confirm-no"), no);
  byId("confirm-field").hidden = !label;
  setText(byId("confirm-label"), label ?? "");
  byId("confirm-input").value = value ?? "";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? byId("confirm-input").value.trim() : null);
  });
}

/** Asks after a question where much hangs on it; a refusal is shown on the card. */
export async function ask(view, job, action) {
  const id = encodeURIComponent(job.id);
  let path = `/jobs/${id}/${action}`;
  const body = {};
  if (action === "cancel") {
    const text = job.items
      ? `${whole.format(job.items.queued + job.items.retrying)} items have not run yet and will not. What is finished stays, and its results can be downloaded.`
      : "Its worker is told to stop.";
    if (await question({ title: `Cancel ${titleOf(job)}?`, text, yes: "Cancel the job", no: "Keep it going" }) === null) return;
  } else if (action === "resume" && stoppedByBudget(job)) {
    const answer = await question({
      title: "Raise the budget?", text: job.error.message, yes: "Resume", no: "Not now",
      label: `New budget in ${job.cost?.currency ?? "the batch's currency"}`, value: job.cost?.budget,
    });
    if (answer === null) return;
    if (answer) body.max_budget = answer;
  } else if (action === "retry" && job.items) {
    path = `/batches/${id}/retry`;
    body.status = job.items.failed > 0 && job.status === "completed" ? "failed" : "unfinished";
  }
  view.showRefusal("");
  for (const button of view.buttons) button.disabled = true;
  try {
    await post(path, body);
  } catch (refusal) {
    view.showRefusal(refusal.message);
  } finally {
    for (const button of view.buttons) button.disabled = false;
  }
}
