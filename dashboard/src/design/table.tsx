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
}

export function Table<Row>({ caption, columns, rows, rowKey }: TableProps<Row>) {
  return (
    <div className="table-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table className="table">
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>{columns.map(({ title, align, titleUnseen }) => <th key={title} scope="col" data-align={align}>{titleUnseen === true ? <span className="unseen">{title}</span> : title}</th>)}</tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={rowKey(row)}>{columns.map(({ title, align, cell }) => <td key={title} data-align={align}>{cell(row)}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
