// What axe finds in a page of jsdom, where nothing has a size or a colour.

import axe from "axe-core";

/** Every fault, with the element that has it. */
export async function faults(root: Element): Promise<string[]> {
  const { violations } = await axe.run(root, {
    rules: {
      // Colours are looked at in a test of their own; landmarks are of the page around a component.
      "color-contrast": { enabled: false },
      region: { enabled: false },
    },
  });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
