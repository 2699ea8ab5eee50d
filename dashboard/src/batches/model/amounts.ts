// Amounts in a column: all with the same digits, so that they can be compared.

import { formatAmount } from "@headway/react";

/** Says amounts of which `typical` is one, with two digits of it that are not zero, and at least two behind the point. */
export function amountColumn(currency: string, typical: number): (amount: string) => string {
  const digits = typical > 0 && typical < 1 ? Math.min(9, 1 - Math.floor(Math.log10(typical))) : 2;
  if (!/^[A-Z]{3}$/u.test(currency)) return (amount) => formatAmount(amount, currency);
  const format = new Intl.NumberFormat("en", {
    style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
  return (amount) => format.format(Number(amount));
}
