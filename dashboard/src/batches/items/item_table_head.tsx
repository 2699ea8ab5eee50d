// The headings of the items, with the box that ticks all.

interface ItemTableHeadProps {
  readonly ticked: "none" | "some" | "all";
  /** Whether there is something to tick. */
  readonly tickable: boolean;
  readonly onTick: () => void;
}

export function ItemTableHead({ ticked, tickable, onTick }: ItemTableHeadProps) {
  return (
    <div role="rowgroup">
      <div className="item-row item-row--head" role="row" aria-rowindex={1}>
        <span role="columnheader">
          <input
            type="checkbox" aria-label="Tick all items of the list that can run again" checked={tickable && ticked === "all"} disabled={!tickable}
            ref={(box) => { if (box !== null) box.indeterminate = ticked === "some"; }} onChange={onTick}
          />
        </span>
        <span role="columnheader" className="item-row__number">Item</span>
        <span role="columnheader" className="item-row__status">Status</span>
        <span role="columnheader" className="item-row__input">Input</span>
        <span role="columnheader" className="item-row__outcome">Output or reason</span>
        <span role="columnheader" className="item-row__tries">Attempts</span>
        <span role="columnheader" className="item-row__time">Duration</span>
        <span role="columnheader" className="item-row__cost">Cost</span>
      </div>
    </div>
  );
}
