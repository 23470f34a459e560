/** Invoices of one tenant each, in memory: the part of the example that has nothing to do with auditing. */
export interface Invoice {
  readonly id: string;
  readonly customer_id: string;
  readonly amount_cents: number;
  /** ISO 4217. */
  readonly currency: string;
}

export interface Invoices {
  list(tenant: string): readonly Invoice[];
  find(tenant: string, id: string): Invoice | null;
  add(tenant: string, invoice: Invoice): void;
  remove(tenant: string, id: string): void;
}

export function createInvoices(): Invoices {
  const tenants = new Map<string, Map<string, Invoice>>();
  return {
    list: (tenant) => Array.from(tenants.get(tenant)?.values() ?? []),
    find: (tenant, id) => tenants.get(tenant)?.get(id) ?? null,
    add(tenant, invoice) {
      const own = tenants.get(tenant) ?? new Map<string, Invoice>();
      tenants.set(tenant, own.set(invoice.id, invoice));
    },
    remove: (tenant, id) => void tenants.get(tenant)?.delete(id),
  };
}

const AMOUNT_CENTS_MAX = 1_000_000_000;

/** The fields of an invoice that a caller sends; null when they are not such. */
export function parseInvoice(body: unknown): Omit<Invoice, 'id'> | null {
  const { customer_id, amount_cents, currency } = (body ?? {}) as Record<string, unknown>;
  if (typeof customer_id !== 'string' || !/^[\w-]{1,64}$/.test(customer_id)) return null;
  if (typeof currency !== 'string' || !/^[A-Z]{3}$/.test(currency)) return null;
  const isAmount = Number.isSafeInteger(amount_cents) && (amount_cents as number) > 0 && (amount_cents as number) <= AMOUNT_CENTS_MAX;
  return isAmount ? { customer_id, amount_cents: amount_cents as number, currency } : null;
}
