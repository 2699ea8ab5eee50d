// Rows of the same kind. Long lists are drawn by what scrolls them, not by this.

import "./table.css";
import type { ReactNode } from "react";

export interface Column<Row> {
  /** The heading, and the column's name. */
  readonly title: string;
  /** Numbers go to the end. */
  readonly align?: "start" | "end";
  /** Only people who listen hear the heading. */
  readonly titleUnseen?: boolean;
  readonly cell: (row: Row) => ReactNode;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string | number;
  /** Where there is no room for columns, each row is a list of its cells. */
  readonly folds?: boolean;
}

/** Its parts say what they are: as a list they would not be taken for a table's. */
export function Table<Row>({ caption, columns, rows, rowKey, folds = false }: TableProps<Row>) {
  return (
    <div className="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table className="table" role="table" data-folds={folds || undefined}>
        <caption className="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">{columns.map(({ title, align, titleUnseen }) => <th key={title} role="columnheader" scope="col" data-align={align}>{titleUnseen === true ? <span className="unseen">{title}</span> : title}</th>)}</tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={rowKey(row)} role="row">{columns.map(({ title, titleUnseen, align, cell }) => <td key={title} role="cell" data-align={align} data-title={titleUnseen === true ? "" : title}>{cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
