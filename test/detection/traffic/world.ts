import type { Draw } from './draw.ts';
import type { Fields } from './event.ts';

export type Kind = 'desk' | 'shift' | 'developer' | 'accountant' | 'admin' | 'support';

export interface Office {
  readonly country: string;
  /** Everybody behind one address. */
  readonly origin_ip: string;
}

export interface Person {
  readonly id: string;
  readonly kind: Kind;
  readonly roles: readonly string[];
  readonly office: Office;
  readonly home: Fields;
  readonly agent: string;
  readonly phone_agent: string | null;
  /** The agent of pages that open inside the telephone's app; null where the app opens none. */
  readonly page_agent: string | null;
  readonly mfa: boolean;
  /** A page of theirs polls a figure that they may not see. */
  readonly polls_closed: boolean;
  /** Lives or stays in another country than the office's. */
  readonly abroad: string | null;
  readonly vpn: boolean;
  readonly second_tenant: string | null;
  /** In the first week here: looks at what is not open yet. */
  readonly is_new: boolean;
}

export interface Tenant {
  readonly name: string;
  readonly people: readonly Person[];
  readonly offices: readonly Office[];
  readonly services: readonly string[];
  readonly producers: readonly string[];
  readonly issuer: string;
  readonly vpn_ip: string;
  /** Lists load the details of each row. */
  readonly prefetches: boolean;
  readonly resources: readonly string[];
}

const COUNTRIES = ['DE', 'FR', 'NL', 'PL', 'ES', 'US', 'GB', 'IN'] as const;
export const FAR_COUNTRIES = ['BR', 'VN', 'NG', 'RU', 'ID', 'RO', 'US', 'CN'] as const;

/** An address of the block that is reserved for later use, so that no real one stands here. */
export const publicAddress = (draw: Draw): string => `${draw.int(240, 251)}.${draw.int(0, 255)}.${draw.int(0, 255)}.${draw.int(1, 254)}`;

const CHROME = ['139.0.0.0', '140.0.0.0', '141.0.0.0'];
export function browserAgent(draw: Draw): string {
  const version = draw.pick(CHROME);
  return draw.pick([
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} Safari/537.36`,
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version} Safari/537.36 Edg/${version}`,
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.${draw.int(0, 6)} Safari/605.1.15`,
    `Mozilla/5.0 (X11; Linux x86_64; rv:14${draw.int(0, 5)}.0) Gecko/20100101 Firefox/14${draw.int(0, 5)}.0`,
  ]);
}

interface Sketch {
  readonly name: string;
  readonly people: number;
  readonly kinds: readonly Kind[];
  readonly offices: number;
  readonly services: number;
  readonly prefetches: boolean;
  readonly resources: readonly string[];
}

/** Six tenants that differ in how they work. `people` is for a size of 1. */
const SKETCHES: readonly Sketch[] = [
  {
    name: 'northwind',
    people: 420,
    kinds: ['desk', 'desk', 'desk', 'desk', 'accountant', 'support'],
    offices: 3,
    services: 6,
    prefetches: false,
    resources: ['order', 'customer', 'contract', 'document', 'report'],
  },
  {
    name: 'helvetic',
    people: 130,
    kinds: ['desk', 'desk', 'accountant'],
    offices: 1,
    services: 3,
    prefetches: true,
    resources: ['invoice', 'payment', 'customer', 'report'],
  },
  {
    name: 'corner-shops',
    people: 220,
    kinds: ['shift'],
    offices: 6,
    services: 2,
    prefetches: false,
    resources: ['sale', 'stock', 'refund', 'roster'],
  },
  {
    name: 'tinker',
    people: 90,
    kinds: ['developer', 'developer', 'developer', 'desk'],
    offices: 1,
    services: 10,
    prefetches: false,
    resources: ['project', 'build', 'secret', 'report'],
  },
  {
    name: 'answerline',
    people: 160,
    kinds: ['support', 'support', 'support', 'desk'],
    offices: 3,
    services: 3,
    prefetches: true,
    resources: ['ticket', 'customer', 'article', 'report'],
  },
  {
    name: 'two-oaks',
    people: 24,
    kinds: ['desk'],
    offices: 1,
    services: 1,
    prefetches: false,
    resources: ['invoice', 'document', 'customer'],
  },
];

/** The tenants, their people and machines. `size` scales the number of people. */
export function createWorld(draw: Draw, size: number): readonly Tenant[] {
  return SKETCHES.map((sketch) => createTenant(draw.named(sketch.name), sketch, size));
}

function createTenant(draw: Draw, sketch: Sketch, size: number): Tenant {
  const offices = Array.from({ length: sketch.offices }, (_, i) => ({
    country: i === 0 ? draw.pick(['DE', 'NL', 'US']) : draw.pick(COUNTRIES),
    origin_ip: publicAddress(draw),
  }));
  const count = Math.max(8, Math.round(sketch.people * size));
  const people = Array.from({ length: count }, (_, i) => createPerson(draw, sketch, offices, i));
  return {
    name: sketch.name,
    people,
    offices,
    services: Array.from({ length: sketch.services }, (_, i) => `svc-${draw.pick(['sync', 'billing', 'mailer', 'index', 'render'])}-${i}`),
    producers: ['web-api', 'orders-api', 'auth-api', ...(sketch.services > 2 ? ['files-api', 'reports-api'] : [])],
    issuer: `https://login.${sketch.name}.example`,
    vpn_ip: publicAddress(draw),
    prefetches: sketch.prefetches,
    resources: sketch.resources,
  };
}

function createPerson(draw: Draw, { name, kinds }: Sketch, offices: readonly Office[], i: number): Person {
  const kind = i % 50 === 7 ? 'admin' : draw.pick(kinds);
  const office = draw.pick(offices);
  const abroad = draw.chance(0.03) ? draw.pick(COUNTRIES.filter((country) => country !== office.country)) : null;
  const hasPhone = kind !== 'shift' && draw.chance(0.45);
  const phone = draw.pick(['iOS 18.5; iPhone15,2', 'iOS 18.6; iPhone14,5', 'Android 15; Pixel 8', 'Android 14; SM-A546B']);
  return {
    id: `${name}-u${i}`,
    kind,
    roles: kind === 'admin' ? ['member', 'tenant_admin'] : kind === 'support' ? ['member', 'support'] : ['member', kind],
    office,
    home: { source_ip: publicAddress(draw), 'attributes.source_country': abroad ?? office.country },
    agent: browserAgent(draw),
    phone_agent: hasPhone ? `ExampleApp/7.${draw.int(0, 9)} (${phone})` : null,
    page_agent: hasPhone && draw.chance(0.2) ? `Mozilla/5.0 (${phone.split(';')[0]}) AppleWebKit/605.1.15 Mobile` : null,
    mfa: draw.chance(0.7),
    polls_closed: draw.chance(0.03),
    abroad,
    vpn: draw.chance(abroad === null ? 0.05 : 0.5),
    second_tenant: draw.chance(0.02) ? 'helvetic' : null,
    is_new: draw.chance(0.01),
  };
}
