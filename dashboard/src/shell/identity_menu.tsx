// Who is there, the theme, the way out.

import { Icon } from "../design/icon.tsx";
import { Menu, MenuItem } from "../design/menu.tsx";
import { usePerson, useSurroundings } from "./context.ts";
import { ThemeSwitch } from "./theme_switch.tsx";

const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

export function IdentityMenu({ onShortcuts }: { readonly onShortcuts: () => void }) {
  const person = usePerson();
  const { session } = useSurroundings();
  const { sign_in: asks, expires_at: until } = person.identity;
  return (
    <Menu
      label={asks ? `${person.name}, ${person.standing}` : "Settings"}
      content={<span className="who"><Icon name={asks ? "person" : "more"} />{asks && <span className="who__name">{person.name}</span>}</span>}
    >
      {(close) => (
        <>
          {asks && (
            <div className="who-card">
              <b>{person.name}</b>
              <span>{person.standing}</span>
              {until !== undefined && until !== null && <span>Signed in until {dayFormat.format(new Date(until))}</span>}
            </div>
          )}
          <div className="menu-row"><span>Theme</span><ThemeSwitch /></div>
          <MenuItem icon="info" onSelect={() => { close(); onShortcuts(); }}>Keyboard shortcuts</MenuItem>
          {asks && <MenuItem icon="leave" onSelect={() => { close(); void session.signOut(); }}>Sign out</MenuItem>}
        </>
      )}
    </Menu>
  );
}
