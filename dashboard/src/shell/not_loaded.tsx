// A page whose file could not be loaded: the server was updated, or is away.

import { useEffect, useState } from "react";

import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { buildOfTab, servedBuild, type Served } from "./build.ts";

export function NotLoaded() {
  const [served, setServed] = useState<Served | undefined>(undefined);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    let stopped = false;
    void servedBuild(buildOfTab()).then((found) => {
      if (stopped) return;
      // It could not be loaded a moment ago, and the server has it: it is there when the tab begins again.
      if (found === "same" && tries > 0) location.reload();
      else setServed(found);
    });
    return () => { stopped = true; };
  }, [tries]);
  if (served === undefined) return null;
  if (served === "unknown") {
    return (
      <Empty icon="offline" title="This page could not be loaded" whole more={<Button icon="retry" onClick={() => { setTries(tries + 1); }}>Try again</Button>}>
        The server does not answer at the moment.
      </Empty>
    );
  }
  return (
    <Empty icon="retry" title={served === "newer" ? "Headway was updated" : "This page could not be loaded"} whole more={<Button look="strong" icon="retry" onClick={() => { location.reload(); }}>Reload</Button>}>
      {served === "newer" ? "This tab runs the previous version, and the server no longer has its pages. Reload it to go on." : "Something between this tab and the server broke off. Reload it to go on."}
    </Empty>
  );
}
