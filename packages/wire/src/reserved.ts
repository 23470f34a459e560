/** Names that a deployment keeps for itself. docs/spec/batch.md, "Reserved names". */

/** The producer of canaries: events that a deployment sends to itself to see that alerts still arrive. */
export const CANARY_PRODUCER = 'sealtrail.canary';
/** What the tenants of canaries begin with; a number follows, chosen so that each partition has one. */
export const CANARY_TENANT_PREFIX = 'sealtrail.canary.';

/**
 * Whether events are canaries, which views leave out. Tenant and producer must both be the reserved ones: both stand in the
 * signed header, and the registry lets one key alone sign so. Nothing that is inside an event can hide it.
 */
export const isCanary = ({ tenant, producer }: { readonly tenant: string; readonly producer: string }): boolean =>
  producer === CANARY_PRODUCER && tenant.startsWith(CANARY_TENANT_PREFIX);
