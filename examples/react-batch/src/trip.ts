// What this product writes into a batch's metadata, read as what it is: data from outside.

/** What a batch plans. */
export interface Trip {
  readonly region: string;
  readonly airports: number;
}

/** Reads a batch's metadata; throws where it is not what this product writes. */
export function tripOf(metadata: unknown): Trip {
  if (typeof metadata !== "object" || metadata === null) throw new Error("its metadata is missing");
  const { region, airports } = metadata as Partial<Record<string, unknown>>;
  if (typeof region !== "string") throw new Error("its metadata names no region");
  if (typeof airports !== "number") throw new Error("its metadata does not say how many airports");
  return { region, airports };
}
