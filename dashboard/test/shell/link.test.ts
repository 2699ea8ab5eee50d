import assert from "node:assert/strict";
import { test } from "node:test";

import { linkTo, readLink } from "../../src/shell/link.ts";

test("a link gives its job and token, and leaves an address without the token", () => {
  const found = readLink(new URL("https://host/below/?transport=events#job=import%2F7&token=hwt_x.y"));
  assert.deepEqual(found?.link, { job: "import/7", token: "hwt_x.y", sent: false });
  assert.equal(found.rest, "/below/?transport=events#/jobs/import%2F7");
});

test("a token in the query was sent: it is taken out and not used", () => {
  const found = readLink(new URL("https://host/?token=hwt_x&transport=poll#/jobs/a"));
  assert.deepEqual(found?.link, { job: undefined, token: undefined, sent: true });
  assert.equal(found.rest, "/?transport=poll#/jobs/a");
});

test("other addresses are no links", () => {
  for (const address of ["https://host/", "https://host/#/jobs?text=token", "https://host/#/jobs/token=1"]) assert.equal(readLink(new URL(address)), undefined);
});

test("what is shared is read again as it was meant", () => {
  const page = new URL("https://host/below/?transport=poll#/jobs");
  const link = new URL(linkTo("a b&c", "hwt_1.+/=", page));
  assert.equal(link.search, "");
  assert.deepEqual(readLink(link)?.link, { job: "a b&c", token: "hwt_1.+/=", sent: false });
  assert.equal(linkTo("job_1", undefined, page), "https://host/below/#/jobs/job_1");
});
