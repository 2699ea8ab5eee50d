// The notices that are there.

import { useEffect, useSyncExternalStore } from "react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { useSurroundings } from "./context.ts";
import { NOTICE_MS, type Told } from "./notices.ts";

export function NoticeList() {
  const { notices } = useSurroundings();
  const told = useSyncExternalStore(notices.subscribe, notices.getSnapshot);
  return <div className="notices">{told.map((one) => <NoticeCard key={one.key} told={one} onDismiss={notices.dismiss} />)}</div>;
}

function NoticeCard({ told, onDismiss }: { readonly told: Told; readonly onDismiss: (key: number) => void }) {
  const { key, stays = false } = told;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(() => { onDismiss(key); }, NOTICE_MS);
    return () => { clearTimeout(timer); };
  }, [key, stays, onDismiss]);
  return (
    <div className="notices__notice">
      <Banner
        tone={told.tone}
        actions={(
          <>
            {told.action !== undefined && <Button size="small" onClick={told.action.does}>{told.action.label}</Button>}
            <Button look="quiet" size="small" icon="close" aria-label="Close" onClick={() => { onDismiss(key); }} />
          </>
        )}
      >
        {told.text}
      </Banner>
    </div>
  );
}
