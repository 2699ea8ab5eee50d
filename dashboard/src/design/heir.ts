// Who has the focus next when the button that has it goes away, because what it asked for was done: without this the
// browser gives it to the page, and whoever works by keys begins at its top again.
//
// It is what the button has named, with a selector in `data-heir`: what has come in its place. Otherwise it is the heading of
// the part of the page that the button was in, or that part itself where it has none.

/** Parts of a page. One of them that goes away together with the button is passed over. */
const PARTS = "section, [role=tabpanel], dialog, main";
const HEADINGS = "h1, h2, h3, h4";

/** Passes on the focus of a button. It is called while the button, which is about to leave, is still there. */
export function passFocusOn(button: HTMLElement): void {
  if (document.activeElement !== button) return;
  const named = button.dataset["heir"];
  const around: Element[] = [];
  for (let element = button.parentElement; element !== null; element = element.parentElement) around.push(element);
  // After what is drawn in its place, and whoever has their own idea of who is next.
  setTimeout(() => {
    if (document.activeElement !== null && document.activeElement !== document.body) return;
    const part = around.find((element) => element.isConnected && element.matches(PARTS)) ?? document.querySelector("main");
    const heir = (named === undefined ? undefined : (part?.querySelector(named) ?? document.querySelector(named))) ?? part?.querySelector(HEADINGS) ?? part;
    if (!(heir instanceof HTMLElement)) return;
    if (heir.tabIndex < 0) heir.tabIndex = -1;
    // What is looked at stays where it is.
    heir.focus({ preventScroll: true });
  });
}
