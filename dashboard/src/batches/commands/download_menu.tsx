// Results as files. They are links: the browser saves them as they come, however large they are.

import type { ItemStatus } from "@headway/client";
import { formatCount } from "@headway/react";

import { Icon } from "../../design/icon.tsx";
import { Menu } from "../../design/menu.tsx";
import { resultsHref } from "../model/results_link.ts";

type Counts = Readonly<Record<ItemStatus | "total", number>>;

const PARTS: readonly { readonly status: ItemStatus | undefined; readonly label: string }[] = [
  { status: undefined, label: "All items" },
  { status: "succeeded", label: "Succeeded" },
  { status: "failed", label: "Failed" },
  { status: "skipped", label: "Skipped" },
  { status: "cancelled", label: "Cancelled" },
  { status: "expired", label: "Expired" },
];

export function DownloadMenu({ id, items }: { readonly id: string; readonly items: Counts | undefined }) {
  if (items === undefined) return null;
  const parts = PARTS.filter(({ status }) => status === undefined || items[status] > 0);
  return (
    <Menu label="Download results" icon="download" look="plain" content="Results">
      {(close) => (
        <ul className="downloads" aria-label="Results as files">
          {parts.map(({ status, label }) => (
            <li key={label}>
              <span className="downloads__what">{label} <span className="faint numbers">{formatCount(items[status ?? "total"])}</span></span>
              {(["jsonl", "csv"] as const).map((format) => {
                const { href, name } = resultsHref(document.baseURI, id, format, status);
                return (
                  <a key={format} className="downloads__link menu__item" href={href} download={name} aria-label={`${label} as ${format.toUpperCase()}`} onClick={close}>
                    <Icon name="download" size={14} />{format.toUpperCase()}
                  </a>
                );
              })}
            </li>
          ))}
        </ul>
      )}
    </Menu>
  );
}
