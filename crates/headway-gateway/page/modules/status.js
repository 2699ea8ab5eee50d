// The states of jobs, items and steps as people see them: a word, a colour, a picture.

export const STATUS = {
  pending: { tone: "idle", word: "Pending", icon: "M8 4.6V8l2.4 1.6M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8" },
  queued: { tone: "idle", word: "Queued", icon: "M3 4h10M3 8h10M3 12h6" },
  running: { tone: "running", word: "Running", icon: "M5 3.4v9.2L12.4 8z" },
  pausing: { tone: "warn", word: "Pausing", icon: "M5.5 3.5v9M10.5 3.5v9" },
  paused: { tone: "warn", word: "Paused", icon: "M5.5 3.5v9M10.5 3.5v9" },
  cancelling: { tone: "warn", word: "Cancelling", icon: "M4 4l8 8M12 4l-8 8" },
  completed: { tone: "good", word: "Completed", icon: "M3 8.6l3.4 3.4L13 4.6" },
  failed: { tone: "bad", word: "Failed", icon: "M8 2.8v6.4M8 12.8v.2" },
  cancelled: { tone: "idle", word: "Cancelled", icon: "M4 4l8 8M12 4l-8 8" },
  expired: { tone: "idle", word: "Expired", icon: "M4.5 2.5h7M4.5 13.5h7M5 2.8c0 4 6 6.4 6 10.4M11 2.8c0 4-6 6.4-6 10.4" },
  skipped: { tone: "idle", word: "Skipped", icon: "M3.5 4l4 4-4 4M8.5 4l4 4-4 4" },
};
export const ENDED = new Set(["completed", "failed", "cancelled", "expired"]);
export const ITEM_FIGURES = [
  ["succeeded", "good"], ["failed", "bad"], ["running", "running"], ["retrying", "warn"],
  ["queued", ""], ["skipped", ""], ["cancelled", ""], ["expired", ""],
];
