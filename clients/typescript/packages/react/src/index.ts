/**
 * Jobs and batches of a Headway server in React: hooks, and components that a product can embed.
 *
 * @module
 */

export type { JobDocument } from "@headway/client";
